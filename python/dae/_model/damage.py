"""The one sentence in which every check of a fitted state speaks."""


def damaged(problem: str) -> ValueError:
    """The error for a fitted state that no `fit` leaves behind: attributes can be edited."""
    return ValueError(f"The fitted state is damaged: {problem}. Fit the estimator again.")
