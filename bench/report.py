"""Results as Markdown: medians with minimum and maximum, and ratios within one run."""

import statistics
from collections.abc import Sequence

Figures = dict[str, float]
Results = dict[tuple[str, str], list[Figures]]  # of unit and server, run by run
COLUMNS = {"per_second": "per second", "p50_ms": "p50 ms", "p99_ms": "p99 ms", "cpu_ms": "CPU ms", "memory_mib": "MiB"}


def spread(figures: Sequence[float]) -> str:
    return f"{_short(statistics.median(figures))} ({_short(min(figures))}–{_short(max(figures))})"


def _short(figure: float) -> str:
    return f"{figure:.0f}" if figure >= 100 else f"{figure:.3g}"


def whole(results: Results, floors: list[dict[str, float]]) -> str:
    return "\n\n".join(filter(None, [table(results), floor_table(floors)]))


def table(results: Results) -> str:
    lines = [
        "| unit | server | runs | " + " | ".join(COLUMNS.values()) + " | CPU, first server = 1 |",
        "|---|---|---|" + "---|" * (len(COLUMNS) + 1),
    ]
    firsts: dict[str, float] = {}
    for (unit, name), runs in results.items():
        cells = [spread([run[column] for run in runs]) for column in COLUMNS]
        cpu = statistics.median(run["cpu_ms"] for run in runs)
        ratio = cpu / firsts.setdefault(unit, cpu)
        lines.append(f"| {unit} | {name} | {len(runs)} | {' | '.join(cells)} | {ratio:.2f} |")
    return "\n".join(lines)


def floor_table(found: list[dict[str, float]]) -> str:
    if not found:
        return ""
    lines = ["| floor | CPU ms |", "|---|---|"]
    return "\n".join(lines + [f"| {name} | {spread([run[name] for run in found])} |" for name in found[0]])
