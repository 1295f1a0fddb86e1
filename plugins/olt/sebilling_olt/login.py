"""Log in, up to configuration mode. Tried only once, as OLTs lock a user out after a few wrong passwords."""

import re
import time

from sebilling.plugins.contract import DeviceError, Fault, Sentence

from sebilling_olt import dialects
from sebilling_olt.conversation import PROMPT, SETTLE_SECONDS, Conversation
from sebilling_olt.faults import Refusal, shown
from sebilling_olt.screen import Overflow, Screen


def log_in(talk: Conversation) -> None:
    """Log in and enter configuration mode; turn paging and alarms off if the firmware can. Raises DeviceError."""
    until = time.monotonic() + talk.config.timeout_seconds
    try:
        _Greeting(talk, until).run()
        if talk.at.endswith(">"):
            _enable(talk, until)
    except (EOFError, OSError):
        talk.give_up()
        raise _turned_away(talk) from None
    except (DeviceError, Overflow):
        talk.give_up()
        raise
    for command in talk.dialect.quiet:
        try:
            talk.ask(command)
        except Refusal:
            talk.logger.debug("olt_not_known command=%s", command)
    before = talk.at
    talk.ask(talk.dialect.config)
    talk.home = talk.at
    if talk.home == before or not talk.home.endswith(")#"):
        talk.give_up()
        why = Sentence(
            f"'{talk.dialect.config}' leads nowhere: the OLT's user may not configure.",
            f"'{talk.dialect.config}' tidak membawa ke mana pun: pengguna OLT tidak boleh mengonfigurasi.",
        )
        raise DeviceError(Fault.PERMISSION, why, retryable=False)


def _say(talk: Conversation, word: str) -> None:
    talk.terminal.write(word + "\r")


class _Greeting:
    """Answers the questions up to the first prompt. The screen is kept for the OLT's message if the login fails."""

    def __init__(self, talk: Conversation, until: float) -> None:
        self._talk, self._until = talk, until
        self._given: set[str] = set()
        self._is_emptied = False

    def run(self) -> None:
        """Answer until the first prompt. Raises DeviceError, EOFError, OSError."""
        answered = ("", 0)
        screen = self._talk.screen
        while not self._talk.at:
            if text := self._talk.terminal.read(SETTLE_SECONDS):
                screen.feed(text)
            elif time.monotonic() > self._until:
                raise DeviceError(
                    Fault.TIMEOUT,
                    Sentence(
                        f'The OLT shows no prompt, but "{shown(screen.last)}".',
                        f'OLT tidak menampilkan prompt, tetapi "{shown(screen.last)}".',
                    ),
                    retryable=True,
                )
            else:
                here = (screen.last.strip(), len(screen.lines))
                if here != answered and here[0] and screen.at_end and self._answered(here[0]):
                    answered = here

    def _answered(self, line: str) -> bool:
        if dialects.NEW_PASSWORD.search(line):
            raise DeviceError(
                Fault.SETUP,
                Sentence(
                    "The OLT wants a new password for its user: set one there and here.",
                    "OLT meminta kata sandi baru untuk penggunanya: atur di sana dan di sini.",
                ),
                retryable=False,
            )
        if dialects.USERNAME.fullmatch(line):
            self._give("user", self._talk.config.username)
        elif dialects.PASSWORD.fullmatch(line):
            self._give("password", self._talk.config.password.get_secret_value())
        elif dialects.QUESTION.fullmatch(line):
            self._talk.terminal.write(f"{'yes' if 'yes' in line.lower() else 'n'}{self._talk.terminal.enter}")
        elif self._may_hold_the_name(line):
            # Some firmware leaves the user's name in the input line, shown or not: it would be run together with the first command.
            # An Enter runs it alone, as a command that doesn't exist.
            self._is_emptied = True
            self._talk.terminal.write(self._talk.terminal.enter)
        elif match := PROMPT.fullmatch(line):
            self._talk.name, self._talk.at = match[1], line
            self._talk.prompt = re.compile(rf"({re.escape(match[1])})((?:\([\w ./:_-]{{1,60}}\))?)([>#])")
        else:
            return False
        return True

    def _may_hold_the_name(self, line: str) -> bool:
        """Whether this is the first prompt of a Telnet session in which the user's name may still stand in the input line."""
        if self._is_emptied or self._talk.config.transport != "telnet" or self._talk.dialect is not dialects.HUAWEI:
            return False
        return PROMPT.fullmatch(line.removesuffix(self._talk.config.username).rstrip()) is not None

    def _give(self, what: str, word: str) -> None:
        if what in self._given:  # requested again: it was wrong
            raise _turned_away(self._talk, asked_again=True)
        self._given.add(what)
        _say(self._talk, word)


def _enable(talk: Conversation, until: float) -> None:
    """Run `enable`. A password isn't echoed, so `ask` can't be used."""
    wrong = DeviceError(
        Fault.AUTH, Sentence("The OLT refused the password for `enable`.", "OLT menolak kata sandi untuk `enable`."), retryable=False
    )
    talk.type(talk.dialect.enable)
    asked = False
    while True:
        if text := talk.terminal.read(SETTLE_SECONDS):
            talk.screen.feed(text)
            continue
        if time.monotonic() > until:
            raise DeviceError(
                Fault.TIMEOUT,
                Sentence("The OLT didn't answer `enable` in time.", "OLT tidak menjawab `enable` tepat waktu."),
                retryable=True,
            )
        line = talk.screen.last.strip()
        if len(talk.screen.lines) == 1:
            continue
        if dialects.PASSWORD.fullmatch(line):
            if talk.config.enable_password is None:
                raise DeviceError(
                    Fault.SETUP,
                    Sentence(
                        "The OLT asks for a password at `enable`: set enable_password.",
                        "OLT meminta kata sandi pada `enable`: isi enable_password.",
                    ),
                    retryable=False,
                )
            if asked:
                raise wrong
            asked = True
            talk.screen = Screen()
            _say(talk, talk.config.enable_password.get_secret_value())
        elif talk.prompt.fullmatch(line):
            if line.endswith(">"):
                raise wrong
            talk.at = line
            return


def _turned_away(talk: Conversation, *, asked_again: bool = False) -> DeviceError:
    """Return why there was no prompt, by the OLT's output."""
    said = "\n".join(talk.screen.lines)
    if dialects.FULL.search(said):
        return DeviceError(
            Fault.REFUSED,
            Sentence(
                "The OLT has no session free for this user: give SeBilling a user of its own.",
                "OLT tidak punya sesi kosong untuk pengguna ini: beri SeBilling pengguna sendiri.",
            ),
            retryable=True,
        )
    if dialects.LOCKED_OUT.search(said):
        return DeviceError(
            Fault.AUTH,
            Sentence(
                "The OLT has locked its user out after wrong passwords: unlock it there.",
                "OLT mengunci penggunanya setelah kata sandi salah: buka kuncinya di sana.",
            ),
            retryable=False,
        )
    if asked_again or dialects.WRONG_LOGIN.search(said):
        return DeviceError(
            Fault.AUTH, Sentence("The OLT refused the user or its password.", "OLT menolak pengguna atau kata sandinya."), retryable=False
        )
    return DeviceError(
        Fault.UNREACHABLE, Sentence("The OLT ended the connection at the login.", "OLT memutus sambungan saat masuk."), retryable=True
    )
