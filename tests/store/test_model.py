"""Any sequence of updates leaves every store as it leaves a list. [R06]"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from sipapp.app.testing.conformance import LIMITS, Bench, made
from sipapp.core.location import Binding, Bindings, TooManyBindings
from sipapp.core.refusal import Refusal
from sipapp.core.registration import Wish, remove_all, update
from sipapp.message.uri import parse_uri
from tests.store.benches import MemoryBench, PigeonBench, SqliteBench

AORS = ["sip:alice@example.com", "sip:bob@example.com"]

one_wish = st.tuples(st.sampled_from("abcd"), st.sampled_from([0, 5000]), st.integers(0, 2))
requests = st.lists(
    st.tuples(
        st.sampled_from(AORS),
        st.sampled_from(["call-1", "call-2"]),
        st.integers(1, 6),
        st.one_of(st.just([]), st.lists(one_wish, min_size=1, max_size=3)),
    ),
    max_size=12,
)
Asked = tuple[str, str, int, list[tuple[str, int, int]]]


class Model:
    """RFC 3261 10.3 steps 6 and 7 as plainly as it can be said; contacts are single letters."""

    def __init__(self) -> None:
        self.bindings: dict[str, list[tuple[str, int, str, int]]] = {aor: [] for aor in AORS}

    def apply(self, asked: Asked) -> bool:
        """Carry out a request; False when it is refused."""
        aor, call_id, cseq, wishes = asked
        known = self.bindings[aor]
        touched = {user for user, _, _ in wishes} or {user for user, *_ in known}
        for user, _, old_call_id, old_cseq in known:
            if user in touched and old_call_id == call_id and cseq <= old_cseq:
                return False
        last = {user: (seconds, q) for user, seconds, q in wishes}
        order = sorted(last, key=[user for user, _, _ in wishes[::-1]].index, reverse=True)
        new = [(user, last[user][1], call_id, cseq) for user in order if last[user][0]]
        wanted = new + [old for old in known if old[0] not in touched]
        if len(wanted) > LIMITS.bindings:
            return False
        self.bindings[aor] = sorted(wanted, key=lambda binding: -binding[1])
        return True


def send(bench: Bench, asked: Asked) -> Deferred[bool]:
    """Carry out the same request on the store of ``bench``."""
    aor, call_id, cseq, wishes = asked
    pairs: list[tuple[Wish, Binding]] = []
    for user, seconds, q in wishes:
        uri = parse_uri(f"sip:{user}@h".encode())
        binding = made(str(uri), call_id=call_id, cseq=cseq, q=q * 500)
        pairs.append((Wish(uri, str(uri), seconds, q * 500), binding))

    def change(known: Bindings) -> list[Binding]:
        return update(known, pairs, call_id, cseq) if pairs else remove_all(known, call_id, cseq)

    done: Deferred[Bindings] = bench.opened.update(aor, change)
    return done.addCallbacks(
        lambda _: True, lambda why: why.check(Refusal, TooManyBindings) is None
    )


def check(bench: Bench, sequence: list[Asked], *, at_once: bool) -> None:
    """Run a sequence, one after the other or all started at once, then restart; compare."""
    model = Model()
    bench.open()
    expected = [model.apply(asked) for asked in sequence]
    if at_once:
        waiting = [send(bench, asked) for asked in sequence]
        assert [bench.result(done) for done in waiting] == expected
    else:
        assert [bench.result(send(bench, asked)) for asked in sequence] == expected
    if bench.durable:
        bench.reopen()
    for aor in AORS:
        found = bench.opened.lookup(aor)
        listed = [(b.contact[4], (b.q or 0) // 500, b.call_id, b.cseq) for b in found]
        assert listed == model.bindings[aor]
    bench.shut()
    bench.close()


@given(requests, st.booleans())
def test_memory_is_like_the_model(sequence: list[Asked], at_once: bool) -> None:
    """RFC 3261 10.3: atomic, ordered, by q and recency."""
    check(MemoryBench(), sequence, at_once=at_once)


@settings(max_examples=40)
@given(requests, st.booleans())
def test_sqlite_is_like_the_model(sequence: list[Asked], at_once: bool) -> None:
    """The same through the writing thread, and after a restart."""
    check(SqliteBench(), sequence, at_once=at_once)


@given(requests)
def test_pigeons_are_like_the_model(sequence: list[Asked]) -> None:
    """The same with loss and reordering; one after the other, as the budget runs from the call."""
    check(PigeonBench(), sequence, at_once=False)
