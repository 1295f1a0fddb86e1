"""Whether the router stops whoever is in its sets, and if not, what to paste."""

from collections.abc import Sequence
from typing import Final

from sebilling.plugins.contract import Sentence

from sebilling_nftables.passage import OTHER_SIDE, Walk
from sebilling_nftables.ruleset import Bypass, Chain, Ruleset
from sebilling_nftables.setup import CHAIN, FAMILY, SET_TYPES, SETS, TABLE, add_chain, add_set, paste, put_walls

_TABLE: Final = f"{FAMILY} {TABLE}"


def gate_problem(ruleset: Ruleset, version: int) -> Sentence | None:
    """Return why whoever is in the set of this IP version isn't stopped, with what to paste; None if they are."""
    if not ruleset.has_table:
        return _missing(f"There is no table `{_TABLE}`", f"Tidak ada tabel `{_TABLE}`", [f"add table {_TABLE}", *_whole_setup()])
    if ruleset.is_dormant:
        return _missing(f"The table `{_TABLE}` is dormant", f"Tabel `{_TABLE}` sedang dorman", [f"add table {_TABLE}"])
    return _set_problem(ruleset, version) or _chain_problem(ruleset, version) or _bypass_problem(ruleset.bypasses)


def _set_problem(ruleset: Ruleset, version: int) -> Sentence | None:
    name = SETS[version]
    named = ruleset.sets.get(name)
    if named is None:
        commands = [add_set(version), add_chain(), *put_walls(version)]
        return _missing(f"There is no set `{name}`", f"Tidak ada himpunan `{name}`", commands)
    if named.kind == SET_TYPES[version] and "interval" in named.flags and not named.merges and not named.expires:
        return None
    needed = f"type {SET_TYPES[version]}; flags interval;"
    remake = paste([f"delete table {_TABLE}", f"add table {_TABLE}", *_whole_setup()])
    return Sentence(
        f"The set `{name}` must be `{needed}` without `auto-merge` and `timeout`. Make the table anew; SeBilling blocks again. Paste on the"
        f" router: {remake}",
        f"Himpunan `{name}` harus `{needed}` tanpa `auto-merge` dan `timeout`. Buat ulang tabelnya; SeBilling akan mengisolir lagi. Tempel"
        f" di router: {remake}",
    )


def _chain_problem(ruleset: Ruleset, version: int) -> Sentence | None:
    base = [name for name, chain in ruleset.chains.items() if chain.hook == "forward"]
    for direction in OTHER_SIDE:
        walk = Walk(ruleset, version, direction)
        passages = [walk.through(name) for name in base]
        if any(passage.is_walled for passage in passages):
            continue  # an accept in another base chain doesn't end the way of a packet
        hole = next((passage for passage in passages if passage.hole is not None), None)
        if hole is None or hole.hole is None or not walk.has_wall():
            return _no_wall(ruleset.chains.get(CHAIN), version, verb="add" if hole is None else "insert")
        command = paste([f"delete rule {_TABLE} {hole.chain} handle {hole.hole.handle}"])
        return Sentence(
            f"A rule of the chain `{hole.chain}` lets whoever is in `{SETS[version]}` through before they are stopped. Paste on the"
            f" router: {command}",
            f"Sebuah aturan di chain `{hole.chain}` meloloskan isi `{SETS[version]}` sebelum ditahan. Tempel di router: {command}",
        )
    return None


def _no_wall(chain: Chain | None, version: int, *, verb: str) -> Sentence:
    """Return what to paste: the rules, or the whole chain if it isn't there or doesn't hook forward."""
    if chain is not None and chain.hook == "forward":
        commands = put_walls(version, verb)
    else:
        commands = [*([f"delete chain {_TABLE} {CHAIN}"] if chain is not None else []), *_whole_setup()]
    name = SETS[version]
    return _missing(
        f"No rule in the hook forward stops all packets from and to `{name}`",
        f"Tidak ada aturan di hook forward yang menahan semua paket dari dan ke `{name}`",
        commands,
    )


def _bypass_problem(bypasses: Sequence[Bypass]) -> Sentence | None:
    if not bypasses:
        return None
    bypass = bypasses[0]
    command = paste([f"delete rule {bypass.family} {bypass.table} {bypass.chain} handle {bypass.handle}"])
    what, apa = ("A flowtable", "Flowtable") if bypass.statement == "flow" else ("A rule with `fwd`", "Aturan `fwd`")
    return Sentence(
        f"{what} carries connections past the firewall, those of blocked customers too. Paste on the router: {command}",
        f"{apa} melewatkan koneksi tanpa firewall, termasuk milik pelanggan yang diisolir. Tempel di router: {command}",
    )


def _whole_setup() -> list[str]:
    return [*map(add_set, SETS), add_chain(), *(command for version in SETS for command in put_walls(version))]


def _missing(english: str, indonesian: str, commands: Sequence[str]) -> Sentence:
    return Sentence(
        f"{english}, so nobody would be held back. Paste on the router: {paste(commands)}",
        f"{indonesian}, jadi tidak ada yang akan tertahan. Tempel di router: {paste(commands)}",
    )
