"""The tables of a run: medians of its rounds with minimum and maximum, ratios to Cerbère, and the reach."""

import math
import statistics

Figures = dict[str, float]
Results = dict[tuple[str, str], list[Figures]]  # of unit and server, round by round
CERBERE, GROWN = "cerbere", "grown"
# The figure that is told of each unit. Where more is better there is no ratio.
COLUMNS = {
    "sso": ("single sign-on, CPU ms", "cpu_ms"), "login": ("login, CPU ms", "cpu_ms"),
    "code": ("code page, CPU ms", "cpu_ms"), "published": ("discovery and keys, GET/s", "per_second"),
    "hash": ("password hash, CPU ms", "value"), "start": ("start to /readyz, s", "value"),
}  # fmt: skip


def format_tables(results: Results) -> str:
    return f"{format_servers(results)}\n\n{format_reach(results)}"


def format_servers(results: Results) -> str:
    """Return one row a server: median (minimum–maximum), and × its ratio to Cerbère's CPU."""
    units = [unit for unit in COLUMNS if any(unit == measured for measured, _ in results)]
    headers = ["server", *(COLUMNS[unit][0] for unit in units), "MiB of the largest process"]
    lines = [headers, ["---"] * len(headers)]
    for name in dict.fromkeys(name for _, name in results):
        cells = [format_cell(results, unit, name) for unit in units]
        lines.append([name, *cells, format_number(largest_mib(results, name))])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def format_cell(results: Results, unit: str, name: str) -> str:
    key = COLUMNS[unit][1]
    figures = [run[key] for run in results.get((unit, name), [])]
    if not figures:
        return ""
    spread = (
        f"{format_number(statistics.median(figures))} ({format_number(min(figures))}–{format_number(max(figures))})"
    )
    ratio = statistics.median(figures) / median(results, unit, CERBERE, key)
    return f"{spread} ×{ratio:.2f}" if key == "cpu_ms" and name != CERBERE and not math.isnan(ratio) else spread


def format_reach(results: Results) -> str:
    lines = ["| reach | measured | aim |", "|---|---|---|"]
    return "\n".join(lines + [f"| {text} | {format_number(value)} | {aim} |" for text, value, aim in reach(results)])


def reach(results: Results) -> list[tuple[str, float, str]]:
    """Return each aim with what was measured: NaN where the run left it out."""
    sso, login, code = (median(results, unit, CERBERE, "cpu_ms") for unit in ("sso", "login", "code"))
    grown = [median(results, unit, GROWN, "cpu_ms") for unit in ("sso", "login", "code")]
    return [
        ("single sign-on, of Keycloak's CPU", sso / median(results, "sso", "keycloak", "cpu_ms"), "≤ 0.65"),
        ("single sign-on, of LemonLDAP::NG's CPU", sso / median(results, "sso", "lemonldap-ng", "cpu_ms"), "≤ 0.35"),
        ("login beyond its hash, CPU ms", login - median(results, "hash", CERBERE, "value"), "≤ 14"),
        ("code page beyond login, CPU ms", code - login, "≤ 9"),
        ("single sign-on on the grown database, of the small one's CPU", grown[0] / sso, "≤ 1.1"),
        ("login on the grown database, of the small one's CPU", grown[1] / login, "≤ 1.1"),
        ("code page on the grown database, of the small one's CPU", grown[2] / code, "≤ 1.1"),
        ("discovery and keys, GET/s", median(results, "published", CERBERE, "per_second"), "≥ 2500"),
        ("a worker under load, MiB", largest_mib(results, CERBERE), "≤ 130"),
        ("start to /readyz, s", median(results, "start", CERBERE, "value"), "≤ 1.5"),
    ]


def median(results: Results, unit: str, name: str, key: str) -> float:
    runs = results.get((unit, name))
    return statistics.median(run[key] for run in runs) if runs else math.nan


def largest_mib(results: Results, name: str) -> float:
    """Return the most that a process of this server had at the end of a run."""
    measured = [
        run["largest_mib"]
        for (_, server), runs in results.items()
        for run in runs
        if server == name and "largest_mib" in run
    ]
    return max(measured, default=math.nan)


def format_number(figure: float) -> str:
    if math.isnan(figure):
        return "not measured"
    return f"{figure:.0f}" if figure >= 100 else f"{figure:.3g}"
