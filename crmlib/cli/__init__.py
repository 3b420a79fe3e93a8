"""The `crmlib` command: make reports, run and look back on schedules, check a table."""

import sys
import tempfile
import traceback
from typing import Any

import click

from crmlib import __version__
from crmlib.cli import history, reports, schedules, tables
from crmlib.cli.common import (
    NOTEBOOKS_OPTION,
    Terminated,
    complain,
    give_up_unwritten,
    sigterm_raises,
)
from crmlib.errors import CrmlibError
from crmlib.report.exit_codes import BAD_INPUT, INTERRUPTED, TERMINATED

__all__ = ["NOTEBOOKS_OPTION", "main"]

# click leaves the lines after \b as they are.
MAIN_EXAMPLES = """\b
Examples:
  crmlib list                     what reports there are, and their parameters
  crmlib report                   make them all
  crmlib schedule FILE.toml       make what a schedule asks for; status and prune look back
  crmlib check transactions FILE  see whether a table of yours can be read
"""


class _Commands(click.Group):
    """Prints our errors in a line or two; no traceback reaches a user."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with sigterm_raises():
                return super().invoke(ctx)
        except (KeyboardInterrupt, Terminated) as error:
            complain("interrupted")
            sys.exit(TERMINATED if isinstance(error, Terminated) else INTERRUPTED)
        except CrmlibError as error:
            complain(str(error))
            sys.exit(BAD_INPUT)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            with tempfile.NamedTemporaryFile(
                "w", prefix="crmlib-", suffix=".log", delete=False, encoding="utf-8"
            ) as log:
                log.write(traceback.format_exc())
            complain(f"a fault of crmlib's own: {error}; please report it with {log.name}")
            sys.exit(1)
        finally:
            give_up_unwritten()


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=MAIN_EXAMPLES,
)
@click.version_option(__version__, prog_name="crmlib")
def main() -> None:
    """Make PDF reports from the notebooks of the workbook."""


# What takes long to import is imported within the commands: `crmlib list` answers at once.
main.add_command(reports.list_reports)
main.add_command(reports.report)
main.add_command(schedules.schedule)
main.add_command(history.status)
main.add_command(history.prune)
main.add_command(tables.check)
