from flytekit import conditional, dynamic, task, workflow

RUNS = {"by_sign": [{"x": 3}, {"x": -3}, {"x": 0}], "by_text": [{"mode": "deep"}, {"mode": "flat"}]}


@task
def shifted(x: int) -> int:
    return x + 1


@task
def double(x: int) -> int:
    return x * 2


@task
def negative(x: int, by: int) -> int:
    return x - by


@workflow
def by_sign(x: int) -> int:
    before = shifted(x=x)
    chosen = (
        conditional("sign")
        .if_((before > 1) & (before < 100))
        .then(double(x=before))
        .elif_(before == 1)
        .then(negative(x=x, by=7))
        .else_()
        .then(negative(x=before, by=x))
    )
    return double(x=chosen)


@dynamic
def deep(x: int) -> int:
    for _ in range(3):
        x = double(x=x)
    return x


@workflow
def by_text(mode: str) -> int:
    return conditional("mode").if_(mode == "deep").then(deep(x=1)).else_().then(shifted(x=1))
