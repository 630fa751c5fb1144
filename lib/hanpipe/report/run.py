"""One run of han-report: an archive is read once, and the page is written at its end."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, tzinfo

from hanpipe.periods.dating import Dating
from hanpipe.periods.every import Dated
from hanpipe.periods.meters import Meters
from hanpipe.periods.peaks import Rule
from hanpipe.report.account import Account
from hanpipe.report.archive import Archive
from hanpipe.report.page import Report, html
from hanpipe.unix.program import Program
from hanpipe.unix.status import IO, NOTHING, OK, REFUSED, USAGE, Failure
from hanpipe.unix.stderr import reason
from hanpipe.unix.typed import Final

MOST_METERS: Final = 20
HIGHEST_HOURS: Final = Rule("", "The three highest hours of each month, on different days", 3600, 3, True, 1)


class Accounts:
    """The accounts of the meters in an archive.

    left_out: readings of the meters that were too many; outside: times of the readings before begin or after end, ns
    """

    def __init__(self, zone: tzinfo, rule: Rule, begin: int | None, end: int | None) -> None:
        """Take how accounts are kept, and from when to before when, ns; None for no limit."""
        self.all: list[Account] = []
        self.left_out = 0
        self.outside: tuple[int, ...] = ()
        self._begin, self._end = begin, end
        self._meters: Meters[Account | None] = Meters(lambda: self._new(zone, rule))

    def _new(self, zone: tzinfo, rule: Rule) -> Account | None:
        if len(self.all) >= MOST_METERS:
            return None
        self.all.append(Account(zone, rule))
        return self.all[-1]

    def take(self, dated: Iterable[Dated]) -> None:
        """Pass each reading to the account of its meter."""
        last: Account | None = None
        run: list[Dated] = []
        for one in dated:
            account = self._meters.of(one[1])
            if account is not last:
                self._pass(last, run)
                last, run = account, []
            if account is None:
                self._meters.forget(next(reversed(self._meters.known)))  # a hostile archive names new meters for ever
            run.append(one)
        self._pass(last, run)

    def _pass(self, account: Account | None, run: list[Dated]) -> None:
        begin, end = self._begin, self._end
        if begin is not None or end is not None:
            every = run
            run = [one for one in run if (begin is None or one[0] >= begin) and (end is None or one[0] < end)]
            if len(run) < len(every):
                times = [*self.outside, every[0][0], every[-1][0]]
                self.outside = min(times), max(times)
        if account is None:
            self.left_out += len(run)
        elif run:
            account.take(run)

    def finish(self) -> list[Account]:
        """The archive has ended: return the accounts that hold readings."""
        accounts = [account for account in self.all if account.readings]
        for account in accounts:
            account.finish()
        return accounts


def report(program: Program, archive: Archive, rule: Rule | None, why_no_frame: Callable[[bytes], str]) -> int:
    """Write the report on the program's input; return the exit status. raise: Failure."""
    options = program.options
    zone = options.zone or UTC
    begin, end = (None if limit is None else limit(zone) for limit in (options.begin, options.end))
    if begin is not None and end is not None and begin >= end:
        raise Failure(USAGE, "expected --from before --to, found it at or after it")
    accounts, dating = Accounts(zone, rule or HIGHEST_HOURS, begin, end), Dating(zone)
    for data, _ in program.pieces():
        accounts.take(_dated(dating, archive, data, program.input))
    accounts.take([*_dated(dating, archive, b"", program.input), *dating.finish()])
    known = accounts.finish()
    for warning in dating.warnings():
        program.warn(warning)
    if accounts.left_out:
        program.warn(f"left out readings of more than {MOST_METERS} meters: {accounts.left_out:,}")
    if any(account.gaps.backwards for account in known):
        program.warn("times run backwards: give each file once, in the order of their times")
    if accounts.outside and not known:
        first, last = (datetime.fromtimestamp(time // 10**9, zone).isoformat() for time in accounts.outside)
        program.warn(f"found no reading within --from and --to; the archive has readings from {first} to {last}")
        return NOTHING
    if not known:
        status = program.nothing(archive.why_nothing(why_no_frame))
        return REFUSED if archive.all_refused() else status
    made = Report(known, zone, str(options.zone or "UTC"), _faults(archive, dating), options.show_ids)
    program.write(_png(program, made) if options.png else html(made).encode())
    return OK


def _dated(dating: Dating, archive: Archive, data: bytes, file: str) -> list[Dated]:
    """Return the readings that data completes, with their times. raise: Failure."""
    try:
        return [dated for reading in archive.feed(data, file) for dated in dating.add(reading)]
    except OSError as error:
        raise Failure(IO, f"{file}: {reason(error)}") from error


def _faults(archive: Archive, dating: Dating) -> list[tuple[str, int]]:
    undated = [("reading without a time", dating.undated)] if dating.undated else []
    return [*sorted(archive.faults.items()), *undated]


def _png(program: Program, made: Report) -> bytes:
    from hanpipe.report.png import png  # a missing cairosvg is reported now

    return png(made, program.warn)
