"""Probing: whether classes can be told from rows of numbers, by a line between them or by the nearest ones."""

import torch

ROUNDS, FEW_ROUNDS = 300, 40  # in which the linear probe settles, and what it has where columns are many
MOST_EXACT = 256  # columns


def probed(train: torch.Tensor, test: torch.Tensor, truths: torch.Tensor, wanted: torch.Tensor) -> float:
    """Return for which share of rows a linear classifier tells the class: logistic regression, its weights pulled to
    zero as scikit-learn does, on columns brought to mean 0 and deviation 1.
    """
    mean, deviation = train.double().mean(dim=0), train.double().std(dim=0, correction=0)
    deviation = torch.where(deviation > 1e-12, deviation, 1.0)
    exact = torch.double if train.shape[1] <= MOST_EXACT else torch.float  # which is quick enough for thousands
    rows, others = (((one.double() - mean) / deviation).to(exact) for one in (train, test))
    classes = int(max(truths.max(), wanted.max())) + 1
    weights = torch.zeros(classes, rows.shape[1] + 1, dtype=exact, requires_grad=True)
    search = torch.optim.LBFGS(
        [weights],
        max_iter=ROUNDS if exact == torch.double else FEW_ROUNDS,
        line_search_fn="strong_wolfe",
        tolerance_change=1e-10,
    )

    def loss() -> torch.Tensor:
        search.zero_grad()
        with torch.enable_grad():
            said = rows @ weights[:, :-1].T + weights[:, -1]
            found = torch.nn.functional.cross_entropy(said, truths, reduction="sum")
            found = found + 0.5 * weights[:, :-1].square().sum()
        found.backward()
        return found

    search.step(loss)
    said = others @ weights[:, :-1].T + weights[:, -1]
    return float((said.argmax(dim=1) == wanted).double().mean())


def voted(
    train: torch.Tensor, test: torch.Tensor, truths: torch.Tensor, wanted: torch.Tensor, neighbours: int
) -> float:
    """Return for which share of rows the nearest ones tell the class; of equal votes the lower class wins."""
    near = torch.cdist(test.double(), train.double()).topk(min(neighbours, len(train)), largest=False).indices
    classes = int(max(truths.max(), wanted.max())) + 1
    votes = torch.nn.functional.one_hot(truths[near], classes).sum(dim=1)
    return float((votes.argmax(dim=1) == wanted).double().mean())
