"""What a reading means, and what to do for each job of a batch: pure decisions."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv6Network

from sebilling.plugins.contract import DeviceError, Fault, InvalidValue, Job, Outcome, Reading, Ref, Result, Sentence, Snapshot, State

from sebilling_nftables.addresses import Network, parse, spelled
from sebilling_nftables.gate import gate_problem
from sebilling_nftables.neighbours import unlisted
from sebilling_nftables.ruleset import MARK, Ruleset
from sebilling_nftables.setup import FAMILY, SETS, TABLE, paste
from sebilling_nftables.standing import Listed, Standing, standing


@dataclass(frozen=True, slots=True)
class Change:
    """A job that needs its network to be listed or unlisted."""

    job: Job
    network: Network

    @property
    def comment(self) -> str:
        """SeBilling's mark for this access."""
        return f"{MARK}:{self.job.ref.id}"


class Judgement:
    """Judges readings and jobs by one ruleset."""

    def __init__(self, ruleset: Ruleset) -> None:
        self._ruleset = ruleset
        self.gates = {version: gate_problem(ruleset, version) for version in SETS}
        """IP version → why its set isn't stopped; None if it is."""

    def stands(self, network: Network) -> Standing:
        """Return how a network stands in its set."""
        return standing(self._ruleset.elements(network.version), network)

    def listed_ipv4(self, refs: Iterable[Ref]) -> list[Network]:
        """Return the IPv4 networks of those refs that are in the set."""
        networks: list[Network] = []
        for ref in refs:
            with suppress(InvalidValue):
                network = parse(ref.key)
                if network.version == 4 and self.stands(network).listed is not Listed.NOT:
                    networks.append(network)
        return networks

    def reading(self, ref: Ref, snapshot: Snapshot | None, ipv6: Mapping[Network, Sequence[IPv6Network]]) -> Reading:
        """Return the state of a ref. `ipv6`: IPv4 network → IPv6 addresses and prefixes of the same device."""
        try:
            network = parse(ref.key)
        except InvalidValue as error:
            return Reading(State.ABSENT, error.sentence)
        now = self.stands(network)
        if now.listed is Listed.NOT:
            return Reading(State.ACTIVE, now.detail, in_effect=True)
        if now.listed is Listed.PARTLY or (now.listed is Listed.BY_OTHERS and snapshot and snapshot.get("listed") != now.text):
            return Reading(State.DRIFTED, now.detail)
        problem = self.gates[network.version] or self._ipv6_problem(ipv6.get(network, ()))
        if problem is None:
            return Reading(State.BLOCKED, now.detail, in_effect=True)
        told = Sentence(f"{now.detail.english}. {problem.english}", f"{now.detail.indonesian}. {problem.indonesian}")
        return Reading(State.BLOCKED, told, in_effect=False)

    def _ipv6_problem(self, ipv6: Sequence[IPv6Network]) -> Sentence | None:
        """Return why a device is online though its IPv4 address isn't; None if its IPv6 addresses aren't either."""
        if not ipv6:
            return None
        if (problem := self.gates[6]) is not None:
            return problem
        passing = unlisted(ipv6, [(element.first, element.last) for element in self._ruleset.elements(6)])
        if passing is None:
            return None
        address = spelled(passing)
        return Sentence(
            f"The same device has {address}, which isn't in the set: give the customer an access for their IPv6 network too.",
            f"Perangkat yang sama punya {address}, yang tidak ada di daftar: beri pelanggan akses untuk jaringan IPv6-nya juga.",
        )

    def snapshot(self, ref: Ref) -> Snapshot | None:
        """Return what was there before a block; None for a key that is no address."""
        try:
            network = parse(ref.key)
        except InvalidValue:
            return None
        now = self.stands(network)
        foreign = "" if now.listed in {Listed.NOT, Listed.OURS} else now.text
        return {"set": SETS[network.version], "element": spelled(network), "listed": foreign}

    def judge(self, jobs: Sequence[Job], *, restoring: bool) -> tuple[list[Outcome], list[Change]]:
        """Decide about each job: its outcome, or its change. Raises DeviceError if the setup lacks what all of them need."""
        outcomes: list[Outcome] = []
        wanted: list[Change] = []
        for job in jobs:
            try:
                wanted.append(Change(job, parse(job.ref.key)))
            except InvalidValue as error:
                outcomes.append(refused(job.ref, Fault.REFUSED, error.sentence))
        if not restoring:
            wanted = self._behind_a_gate(wanted, outcomes)
        changes = []
        for change in wanted:
            verdict = self._restore(change) if restoring else self._block(change)
            if verdict is None:
                changes.append(change)
            else:
                outcomes.append(verdict)
        return outcomes, list(_apart(changes, outcomes))

    def _behind_a_gate(self, wanted: Sequence[Change], outcomes: list[Outcome]) -> list[Change]:
        """Refuse those whose set nothing stops. Raises DeviceError if these are all."""
        stopped = [change for change in wanted if self.gates[change.network.version] is None]
        for change in wanted:
            if (problem := self.gates[change.network.version]) is not None:
                if not stopped:
                    raise DeviceError(Fault.SETUP, problem, retryable=False)
                outcomes.append(refused(change.job.ref, Fault.SETUP, problem, retryable=True))
        return stopped

    def _block(self, change: Change) -> Outcome | None:
        """Return the outcome; None if the network is to be listed."""
        now, job = self.stands(change.network), change.job
        if now.listed is Listed.NOT:
            return None
        before = job.snapshot.get("listed", now.text)
        if now.listed is Listed.OURS or (now.listed is Listed.BY_OTHERS and before == now.text):
            return Outcome(job.ref.id, Result.UNCHANGED)
        return _drifted(change, now)

    def _restore(self, change: Change) -> Outcome | None:
        """Return the outcome; None if the network is to be unlisted."""
        now, job = self.stands(change.network), change.job
        if now.listed is Listed.OURS:
            return None
        never_ours = not job.snapshot and not job.reclaim and not any(element.is_ours for element in now.elements)
        as_before = job.snapshot.get("listed") == now.text and not job.reclaim
        if now.listed is Listed.NOT or never_ours or as_before:
            return Outcome(job.ref.id, Result.UNCHANGED)
        return _drifted(change, now)

    def proven(self, change: Change, *, restoring: bool) -> Outcome:
        """Return CHANGED if this ruleset, read after the change, shows it."""
        now = self.stands(change.network)
        if now.listed is (Listed.NOT if restoring else Listed.OURS):
            return Outcome(change.job.ref.id, Result.CHANGED)
        why = Sentence(
            f"The router took the change, but now the address is {now.detail.english}.",
            f"Router menerima perubahan, tetapi sekarang alamatnya {now.detail.indonesian}.",
        )
        return refused(change.job.ref, Fault.DRIFTED, why, retryable=True)


def _apart(changes: Iterable[Change], outcomes: list[Outcome]) -> Iterable[Change]:
    """Leave out networks that overlap another one of the same batch: a set has no overlapping elements."""
    last: dict[int, Change] = {}
    for change in sorted(changes, key=lambda change: (change.network.version, int(change.network.network_address))):
        before = last.get(change.network.version)
        if before is None or int(before.network.broadcast_address) < int(change.network.network_address):
            last[change.network.version] = change
            yield change
            continue
        why = Sentence(
            f"The addresses overlap those of {spelled(before.network)}, which belong to another access: correct one of the two keys.",
            f"Alamatnya tumpang tindih dengan {spelled(before.network)} milik akses lain: perbaiki salah satu kuncinya.",
        )
        outcomes.append(refused(change.job.ref, Fault.AMBIGUOUS, why))


def _drifted(change: Change, now: Standing) -> Outcome:
    """Return the refusal to touch what another hand has put into the set, with what to paste."""
    listed = ", ".join(map(str, now.elements))
    command = paste([f"delete element {FAMILY} {TABLE} {SETS[change.network.version]} {{ {listed} }}"])
    why = Sentence(
        f"The address is {now.detail.english}, and was left so. To hand it to SeBilling, paste on the router: {command}",
        f"Alamatnya {now.detail.indonesian}, dan dibiarkan. Untuk menyerahkannya ke SeBilling, tempel di router: {command}",
    )
    return refused(change.job.ref, Fault.DRIFTED, why)


def refused(ref: Ref, fault: Fault, message: Sentence, *, retryable: bool = False) -> Outcome:
    """Return the outcome of a job that failed by itself."""
    return Outcome(ref.id, Result.FAILED, fault, message, retryable=retryable)
