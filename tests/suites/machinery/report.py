"""The table, and whether everything went as the suites' files say."""

from collections import Counter

from .runner import FAILED, HUNG, NOT_RUN, PASSED, SKIPPED


def report(ran, quick):
    """Prints what was found; returns the exit code: 0 if each failure is a known one and each known one failed. What is
    chosen for the `quick` part must not be skipped either."""
    surprises = []
    for suite, results in ran:
        classes = Counter()
        for result in results:
            failed = result.outcome in (FAILED, HUNG)
            race = suite.why(suite.races, result.test) if failed else None
            known = race or suite.why(suite.fails, result.test)
            if failed and not known:
                surprises.append(f"{suite.name} {result.test}: {result.outcome}; it printed {result.log}")
            if result.outcome == PASSED and known:
                surprises.append(f"{suite.name} {result.test}: passed, and is listed as failing: {known}")
            if quick and result.outcome in (SKIPPED, NOT_RUN):
                surprises.append(f"{suite.name} {result.test}: {result.outcome}: {result.why}")
            if result.outcome != PASSED:
                kind = "failed" if failed else "not run"
                classes[kind, known if failed else result.why] += 1
        for (kind, why), count in sorted(classes.items(), key=lambda item: (item[0][0], -item[1])):
            print(f"{suite.name}: {count} {kind}: {why or 'NOT KNOWN'}")
    print("\n| suite | tests | passed | failed | not run |\n| --- | --- | --- | --- | --- |")
    for suite, results in ran:
        count = Counter(result.outcome for result in results)
        failed, not_run = count[FAILED] + count[HUNG], count[SKIPPED] + count[NOT_RUN]
        print(f"| {suite.name} | {len(results)} | {count[PASSED]} | {failed} | {not_run} |")
    for surprise in surprises:
        print(surprise)
    return 1 if surprises else 0
