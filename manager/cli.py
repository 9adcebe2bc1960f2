"""The command `souffleur`: up, ps, doctor, models, screenplay, logs, rehearse. Each command loads its own module only when it is called."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from services.catalog import SERVICES
from services.core.errors import SouffleurError
from services.core.settings import Settings, read

_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; the exit status is 0 when what was asked is so, 1 when it is not, 2 for a misspelt command."""
    options = _parser().parse_args(argv)
    try:
        return int(options.run(options))
    except SouffleurError as error:
        sys.stderr.write(f"souffleur: {error.detail}\n")
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED


def settings_of(options: argparse.Namespace, **arguments: Any) -> Settings:
    """Settings with what the command line says on top; the data folder absolute, so that no later change of folder moves it."""
    if options.data is not None:
        arguments["data_dir"] = str(options.data)
    settings = read(options.config, arguments)
    return settings.model_copy(update={"data_dir": settings.data_dir.expanduser().resolve()})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="souffleur", description="AI-voiced characters, steered live by a human game master.")
    commands = parser.add_subparsers(required=True, metavar="command")
    _up(commands)
    ps = _command(commands, "ps", "what runs, where, and how it is", _ps)
    ps.add_argument("--json", action="store_true", help="for programs")
    doctor = _command(commands, "doctor", "what is here, what is missing, and the command that gets it", _doctor)
    doctor.add_argument("--json", action="store_true", help="for programs")
    _models(commands)
    _screenplay(commands)
    _logs(commands)
    _rehearse(commands)
    return parser


def _command(commands: Any, name: str, text: str, run: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.add_argument("--data", type=Path, metavar="DIR", help="data folder (default: data)")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings file (default: souffleur.toml, if it is there)")
    parser.set_defaults(run=run)
    return parser


def _up(commands: Any) -> None:
    up = _command(commands, "up", "run it", _run_up)
    up.add_argument("--services", type=_names, default=list(SERVICES), metavar="A,B", help=f"only these: {', '.join(SERVICES)}")
    up.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    up.add_argument("--port", type=int, help="port of the page and the interfaces (default: 8765; 0 = any free one)")
    up.add_argument("--processes", action="store_true", help="every service in a process of its own, started again when it dies")
    up.add_argument("--no-download", action="store_true", help="do not fetch missing speech models in the background")


def _models(commands: Any) -> None:
    models = _command(commands, "models", "speech and language models on disk", _run_models)
    actions = models.add_subparsers(dest="action", required=True, metavar="action")
    listing = actions.add_parser("list", help="what there is, and what is here")
    listing.add_argument("--json", action="store_true", help="for programs")
    pull = actions.add_parser("pull", help="fetch models")
    pull.add_argument("names", nargs="+", metavar="NAME", help="as `souffleur models list` shows them")
    pull.add_argument("--hub", metavar="URL", help="a mirror of the model hub")


def _logs(commands: Any) -> None:
    logs = _command(commands, "logs", "search the log, or follow it", _run_logs)
    logs.add_argument("query", nargs="*", metavar="QUERY", help="words, all of which must be there")
    logs.add_argument("--follow", "-f", action="store_true", help="go on with what is written from now on")
    logs.add_argument("--level", default="", choices=("debug", "info", "warning", "error", "critical"), help="this level and graver ones")
    logs.add_argument("--service", default="", help="of one service")
    logs.add_argument("--session", default="", help="of one session")
    logs.add_argument("--lines", "-n", type=int, default=50, metavar="N", help="how many from the end (default: 50)")
    logs.add_argument("--json", action="store_true", help="for programs: one object a line")


def _rehearse(commands: Any) -> None:
    rehearse = _command(commands, "rehearse", "ask a recorded session's player lines once more, and compare", _run_rehearse)
    rehearse.add_argument("session", metavar="SESSION")
    rehearse.add_argument("--character", default="", metavar="SLUG", help="of the session: ask this one; of the catalogue: it plays the part")
    rehearse.add_argument("--model", default="", metavar="NAME", help="an engine of the settings, as /api/status names it")
    rehearse.add_argument("--note", action="append", default=[], metavar="TEXT", help="a director's note on every reply; may be given again")
    rehearse.add_argument("--card", type=Path, metavar="FILE", help="another card (JSON) for the part")
    rehearse.add_argument("--out", type=Path, metavar="FILE.html", help="write the comparison as a page, too")


def _screenplay(commands: Any) -> None:
    screenplay = _command(commands, "screenplay", "a session's document, to read and to edit", _run_screenplay)
    actions = screenplay.add_subparsers(dest="action", required=True, metavar="action")
    show = actions.add_parser("show", help="print it, or write it to a file")
    show.add_argument("--format", default="fountain", choices=("fountain", "txt", "html", "pdf", "fdx"), help="default: fountain")
    show.add_argument("--out", type=Path, metavar="FILE", help="write it there")
    edit = actions.add_parser("edit", help="open it in $EDITOR; what you change becomes corrections")
    edit.add_argument("--again", type=Path, metavar="FILE", help="go on with a file that was kept")
    for action in (show, edit):
        action.add_argument("session", metavar="SESSION")
        action.add_argument("--url", default="", help="of a program that runs elsewhere")


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in SERVICES]
    if unknown or not names:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown) or 'nothing named'}; known: {', '.join(SERVICES)}")
    return names


def _run_up(options: argparse.Namespace) -> int:
    from manager.up import Wish, up

    gateway = {name: value for name, value in (("host", options.host), ("port", options.port)) if value is not None}
    settings = settings_of(options, **({"gateway": gateway} if gateway else {}))
    return up(settings, options.services, Wish(download=not options.no_download, processes=options.processes, config=options.config))


def _ps(options: argparse.Namespace) -> int:
    from manager.ps import ps

    return ps(settings_of(options), as_json=options.json)


def _doctor(options: argparse.Namespace) -> int:
    from manager.doctor.report import doctor

    return doctor(settings_of(options), as_json=options.json)


def _run_logs(options: argparse.Namespace) -> int:
    from manager.logs import logs
    from services.core.logstore import Wanted

    wanted = Wanted(q=" ".join(options.query), level=options.level, service=options.service, session=options.session)
    return logs(settings_of(options), wanted, lines=options.lines, follow=options.follow, as_json=options.json)


def _run_rehearse(options: argparse.Namespace) -> int:
    from manager.rehearse.command import Wish, rehearse

    wish = Wish(session=options.session, character=options.character, model=options.model, notes=tuple(options.note), card=options.card, out=options.out)
    return rehearse(settings_of(options), wish)


def _run_screenplay(options: argparse.Namespace) -> int:
    from manager.screenplay.command import edit, show

    settings = settings_of(options)
    if options.action == "show":
        return show(settings, options.session, form=options.format, out=options.out, url=options.url)
    return edit(settings, options.session, url=options.url, again=options.again)


def _run_models(options: argparse.Namespace) -> int:
    from manager.models.command import list_models, pull_models

    settings = settings_of(options)
    if options.action == "list":
        return list_models(settings, as_json=options.json)
    return pull_models(settings, options.names, hub=options.hub)


if __name__ == "__main__":
    sys.exit(main())
