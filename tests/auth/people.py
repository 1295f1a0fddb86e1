"""Someone with a browser, a phone or a script: what tests of accounts do with the API."""

from typing import Any

import httpx

from sebilling.actor import Role
from tests.harness import PASSWORD, Api, Isp, make_user

ERRORS = "errors { code message field }"
SIGN_IN = f"""mutation($input: SignInInput!) {{ signIn(input: $input) {{
  token refreshToken deviceToken expiresAt me {{ username role }} {ERRORS} }} }}"""
REFRESH = f"mutation($t: String!) {{ refreshSignIn(input: {{refreshToken: $t}}) {{ token refreshToken expiresAt {ERRORS} }} }}"
SIGN_INS = "{ signIns { id kind device address createdAt lastUsedAt expiresAt current } }"
REVOKE = f"mutation($id: ID!) {{ revokeSignIn(input: {{id: $id}}) {{ revoked {ERRORS} }} }}"
CHANGE = f"""mutation($old: String!, $new: String!) {{
  changePassword(input: {{oldPassword: $old, newPassword: $new}}) {{ signedOut {ERRORS} }} }}"""
RESET = f"""mutation($id: ID!) {{ resetPassword(input: {{id: $id}}) {{
  oneTimePassword user {{ username mustChangePassword }} {ERRORS} }} }}"""
UPDATE = f"""mutation($input: UpdateUserInput!) {{ updateUser(input: $input) {{
  user {{ username name role active counters {{ code }} }} {ERRORS} }} }}"""
CREATE = f"""mutation($input: CreateUserInput!) {{ createUser(input: $input) {{
  oneTimePassword replayed user {{ id username role active mustChangePassword counters {{ code }} }} {ERRORS} }} }}"""
START = f"mutation($p: String!) {{ startTotp(input: {{password: $p}}) {{ uri {ERRORS} }} }}"
CONFIRM = f"mutation($c: String!) {{ confirmTotp(input: {{code: $c}}) {{ recoveryCodes {ERRORS} }} }}"
DISABLE = f"mutation($p: String!, $c: String!) {{ disableTotp(input: {{password: $p, code: $c}}) {{ disabled {ERRORS} }} }}"
SERVICE = f"""mutation($input: CreateServiceTokenInput!) {{ createServiceToken(input: $input) {{
  token serviceToken {{ id name role active expiresAt counters {{ code }} }} {ERRORS} }} }}"""
REVOKE_OTHERS = f"mutation {{ revokeOtherSignIns {{ revoked {ERRORS} }} }}"
SIGN_OUT = f"mutation {{ signOut {{ signedOut {ERRORS} }} }}"
ME = "{ me { username role } }"
NEW_PASSWORD = "kopi-hitam-tanpa-gula"


async def enter(api: Api, username: str = "admin", password: str = PASSWORD, **more: Any) -> Any:
    """Sign in and send the token from now on; gives the payload."""
    payload = await api.do(SIGN_IN, input={"username": username, "password": password, **more})
    if payload["token"] is not None:
        bear(api, payload["token"])
    return payload


def bear(api: Api, token: str | None) -> None:
    """Send this token from now on, or none."""
    api.headers.pop("Authorization", None)
    if token is not None:
        api.headers["Authorization"] = f"Bearer {token}"


async def is_signed_in(api: Api, token: str) -> bool:
    """Whether the token is good, in words of a client."""
    answer = await api.http.post("/graphql", json={"query": ME}, headers={"Authorization": f"Bearer {token}"})
    body = answer.json()
    if "errors" in body:
        assert body["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED", body
        return False
    return True


async def refused_sign_in(api: Api, username: str = "admin", password: str = PASSWORD, **more: Any) -> str:
    """The code of the refusal."""
    return (await api.refused(SIGN_IN, input={"username": username, "password": password, **more}))[0]


async def add(isp: Isp, username: str, role: Role, *codes: str) -> str:
    """One more user, with PASSWORD; gives the id that the API knows."""
    async with isp.write() as session:
        return f"usr_{await make_user(session, username, role, *codes)}"


async def kinds(isp: Isp) -> list[str]:
    """What the log says happened to users, in order."""
    return [row[0] for row in await isp.rows("SELECT kind FROM event WHERE subject = 'app_user' ORDER BY id")]


def from_address(api: Api, address: str) -> None:
    """Come from this address from now on, as the server sees the connection."""
    old = api.http._transport
    assert isinstance(old, httpx.ASGITransport)
    api.http = httpx.AsyncClient(transport=httpx.ASGITransport(old.app, client=(address, 4711)), base_url="http://test")
