"""Good frames whose messages cannot be opened, or not be named: keys and lists."""

from hanpipe.apdu.keys import Keys
from hanpipe.doctor.case import Case
from hanpipe.doctor.finding import Found, share
from hanpipe.link.octets import Malformed
from hanpipe.unix.stderr import counted
from hanpipe.unix.typed import Any, Final

# Messages of a title of which nothing opens, from which its key is missing or wrong: single ones are damaged. Of few
# messages in all this share is enough, and so it is of all titles.
_FEW: Final = 2
_SOME: Final = 0.2


def no_key(case: Case) -> Found | None:
    """Look for ciphered messages without a key."""
    return _refused(case, "no key", "the file has no key for title {titles}")


def wrong_key(case: Case) -> Found | None:
    """Look for ciphered messages that their key does not open."""
    return _refused(case, "wrong key", "with the key for title {titles} the text is neither an APDU nor a telegram")


def wrong_authentication_key(case: Case) -> Found | None:
    """Look for messages that decipher well, but whose tag fails."""
    return _refused(case, "authentication", "title {titles} deciphers well, but the authentication key fails")


def damaged_messages(case: Case) -> Found | None:
    """Look for messages whose tag fails while their key opens others: on a line without frames the only check."""
    opened = case.counts()["deciphered"]
    refused = sum(
        n for (fault, title), n in case.refused_of.items() if fault == "authentication" and title in case.opened
    )
    if not refused:
        return None
    evidence = (
        f"the tag of {counted(refused, 'ciphered message', refused + opened)} fails, though the key opens the others"
    )
    return Found(evidence, share(refused, refused + opened), {"refused": refused, "opened": opened})


def _refused(case: Case, fault: str, words: str) -> Found | None:
    counts = case.counts()
    ciphered, few = counts["ciphered"], max(1, min(_FEW, round(_SOME * counts["ciphered"])))
    many = counts["deciphered"] + 1 if fault == "authentication" else _SOME * ciphered
    of_title = {title: number for (of, title), number in case.refused_of.items() if of == fault}
    shut = {title: n for title, n in of_title.items() if n >= few and title not in case.opened}
    if sum(of_title.values()) >= many:
        shut = of_title
    if not shut:
        return None
    refused, titles = sum(shut.values()), sorted(filter(None, shut))
    evidence = f"han-decode refuses {counted(refused, 'message', ciphered)}: " + words.format(
        titles=", ".join(titles) or "(none)"
    )
    if fault == "no key" and not case.keys:
        evidence = f"{counted(refused, 'ciphered message')}, of title {', '.join(titles) or '(none)'}"
    figures: dict[str, Any] = {"refused": refused, "ciphered": ciphered, "titles": titles}
    trials = key_trials(case)
    if fits := [trial for trial in trials if trial["verdict"].startswith("opens")]:
        evidence += f"; the key for {fits[0]['line_title']} opens {fits[0]['title']}: put the right title in its line"
    return Found(evidence, share(refused, ciphered), figures)


def key_trials(case: Case) -> list[dict[str, str]]:
    """Return which line of the key file opens a title, and how each line fits the titles that were refused."""
    if not case.keys:
        return []
    found = []
    for title in sorted(case.opened):
        lines = case.keys.candidates(bytes.fromhex(title))
        line_title = title if any(line in case.keys.lines for line in lines) else "*"
        found.append({"title": title, "line_title": line_title, "verdict": "opens"})
    messages = {str(keys["system_title"]): str(keys["octets"]) for keys in case.refused if "octets" in keys}
    for title, octets in messages.items():
        found += [{"title": title} | trial for trial in _try(bytes.fromhex(octets), case.keys)]
    return found


def _try(octets: bytes, keys: Keys) -> list[dict[str, str]]:
    from hanpipe.apdu.ciphered import try_keys  # only with a key that does not fit

    try:
        return [{"line_title": one.line.title.hex() or "*", "verdict": one.verdict} for one in try_keys(octets, keys)]
    except Malformed:
        return []


def unknown_list(case: Case) -> Found | None:
    """Look for lists without codes that no meter file knows, and for APDUs that cannot be read to their end."""
    lists, unread = case.lists, case.refusals.get("apdu", 0)
    if lists.unknown:
        evidence = f"{counted(lists.unknown, 'list', lists.readings)} without codes, which no meter file knows"
        return Found(
            evidence, share(lists.unknown, lists.readings), {"unknown": lists.unknown, "lists": lists.readings}
        )
    if unread > case.messages + len(case.refused) and not case.bad:
        evidence = f"the APDU of {counted(unread, 'good frame')} cannot be read to its end"
        return Found(evidence, share(unread, unread + case.messages), {"unread": unread})
    return None


def open_scale(case: Case) -> Found | None:
    """Look for values whose power of ten nothing gives."""
    lists = case.lists
    if not lists.open:
        return None
    units = ", ".join(sorted(lists.open_units))
    evidence = (
        f"nothing gives the scaler of {units} in {counted(lists.open, 'list', lists.readings)}, so its values stay raw"
    )
    return Found(evidence, 0.0, {"open": lists.open, "lists": lists.readings, "units": sorted(lists.open_units)})
