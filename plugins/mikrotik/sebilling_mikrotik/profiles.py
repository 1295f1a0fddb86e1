"""Find the profile that carries a plan's speed."""

from collections.abc import Mapping
from typing import Final

from sebilling.plugins.contract import Ref, Sentence

from sebilling_mikrotik.rates import pair_bps, ref_bps
from sebilling_mikrotik.session import Row

NO_SPEED: Final = Sentence(
    "The plan's speed isn't known: enter it in SeBilling, or set it on the router by hand.",
    "Kecepatan paketnya tidak diketahui: isi di SeBilling, atau atur di router secara manual.",
)
_SEVERAL_FIT: Final = Sentence(
    "There are several profiles with the plan's speed. Set the account's profile by hand.",
    "Ada beberapa profil dengan kecepatan paketnya. Atur profil akunnya secara manual.",
)
_NONE_FITS: Final = Sentence(
    "There is no profile with the plan's speed as its rate-limit. Add it, or set the account's profile by hand.",
    "Tidak ada profil yang rate-limit-nya kecepatan paket. Buat profilnya, atau atur profil akunnya secara manual.",
)


def profile_for(profiles: Mapping[str, Row], ref: Ref, *, present: str | None, garden: str | None) -> str | Sentence:
    """Return the only profile whose rate limit is the plan's speed, or `present` if it has that speed; else what to do by hand.

    `garden` is the walled garden's profile, which is nobody's plan.
    """
    speed = ref_bps(ref)
    if speed is None:
        return NO_SPEED
    fitting = [name for name, row in profiles.items() if name != garden and pair_bps(row.get("rate-limit", "")) == speed]
    if present is not None and present in fitting:
        return present
    if len(fitting) == 1:
        return fitting[0]
    return _SEVERAL_FIT if fitting else _NONE_FITS
