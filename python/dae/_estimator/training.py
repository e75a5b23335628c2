"""`fit` and `partial_fit` of all estimators: the parts in which they do not differ."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from sklearn.utils import check_random_state

from dae import _core
from dae._data.checks import check_emphasis, check_training_data
from dae._data.containers import check_same_columns
from dae._data.rows import Rows
from dae._data.streams import split
from dae._estimator.messages import in_words, warn_how_it_ended
from dae._estimator.parameters import CheckedParametersMixin
from dae._estimator.state import (
    all_or_nothing,
    check_unchanged,
    input_norm_of,
    matmul_precision_of,
)
from dae._estimator.version_stamp import VersionStampMixin
from dae._model.losses import Loss
from dae._model.solver import Solver
from dae._training.epochs import Outcome
from dae._training.monitor import CallbackSupportMixin, Monitor
from dae._training.run import TrainingRun
from dae._training.settings import AUTO, Stage, TrainingData, TrainingSettings


def new_solver(estimator: Any, learning_rate: float) -> Solver:
    """The solver that the parameters describe, without moments."""
    return Solver(
        name=estimator.solver,
        learning_rate=float(learning_rate),
        momentum=float(estimator.momentum),
        nesterov=bool(estimator.nesterovs_momentum),
        beta_1=float(estimator.beta_1),
        beta_2=float(estimator.beta_2),
        epsilon=float(estimator.epsilon),
        # known when the number of samples is
        alpha=0.0 if estimator.alpha == AUTO else float(estimator.alpha),
    )


def training_settings(
    estimator: Any,
    *,
    stage: Stage = None,
    corruption: Any,
    corruption_level: Any,
    learning_rate: float,
    max_iter: int | str,
    emphasis: Any,
    reads_samples: bool = True,
    samples_outputs: bool = False,
    corruption_parameter: str = "corruption",
) -> TrainingSettings:
    """The estimator's parameters; those that may differ by stage are given.

    Parameters
    ----------
    reads_samples : bool
        Whether the network reads X, not codes.
    samples_outputs : bool
        Whether `reconstruction_sampling` applies: to one layer that reconstructs X.
    corruption_parameter : str
        The name of the parameter whose value `corruption` is.
    """
    sampling = estimator.reconstruction_sampling if samples_outputs else None
    return TrainingSettings(
        stage=stage,
        solver=new_solver(estimator, learning_rate),
        corruption=corruption,
        corruption_level=corruption_level,
        emphasis=check_emphasis(emphasis),
        max_iter=max_iter if max_iter == AUTO else int(max_iter),
        batch_size=int(estimator.batch_size),  # NumPy's would overflow in sums of sizes
        shuffle=estimator.shuffle,
        tol=estimator.tol,
        n_iter_no_change=estimator.n_iter_no_change,
        schedule=estimator.learning_rate,
        n_threads=_core.n_threads(estimator.n_jobs),
        input_norm=estimator.input_norm if reads_samples else None,
        reconstruction_sampling=None if sampling is None else float(sampling),
        corruption_parameter=corruption_parameter,
    )


@dataclass
class Begun:
    """A training that is about to start or to continue.

    Attributes
    ----------
    continues : bool
        Whether the networks are fitted ones.
    settings : list of TrainingSettings
    runs : list of TrainingRun
        One for each of `settings`; the last one is of the network that the estimator keeps.
    data : TrainingData
    learned : dict
        Attributes that follow from the target.
    """

    continues: bool
    settings: list[TrainingSettings]
    runs: list[TrainingRun]
    data: TrainingData
    learned: dict[str, Any] = field(default_factory=dict)


class TrainedEstimator(VersionStampMixin, CallbackSupportMixin, CheckedParametersMixin):
    """Base of the estimators: `_fit` and `_partial_fit` call the methods that estimators define.

    `fit` scales sample weights to a mean of 1 and works on copies of what is fitted, so that a
    failure or an interruption leaves it whole; `partial_fit` trains in place.
    """

    # -------------------------------------------------------------- what estimators define

    def _settings(self) -> list[TrainingSettings]:
        """How each network is trained; raises ValueError for parameters that do not fit."""
        raise NotImplementedError

    def _settings_of_a_pass(self) -> list[TrainingSettings]:
        """The same for one call of `partial_fit`."""
        return self._settings()

    def _resume(self, settings: list[TrainingSettings], *, fit: bool) -> list[TrainingRun]:
        """The runs of the last training; for `fit`, if the parameters are still the same."""
        raise NotImplementedError

    def _start(
        self,
        settings: list[TrainingSettings],
        data: TrainingData,
        learned: dict[str, Any],
        random_state: np.random.RandomState,
    ) -> list[TrainingRun]:
        """Runs of new networks."""
        raise NotImplementedError

    def _reconstruction_loss(self, begun: Begun, *, fit: bool) -> Loss | None:
        """The loss that X is compared by, if a reconstruction is trained."""
        raise NotImplementedError

    def _train(self, begun: Begun, monitor: Monitor) -> list[Outcome]:
        raise NotImplementedError

    def _train_one_pass(self, begun: Begun) -> None:
        begun.runs[-1].partial_fit(begun.data, begun.settings[-1], undo=begun.continues)

    def _network_attributes(self, network: Any) -> dict[str, Any]:
        """The network as the estimator stores it."""
        raise NotImplementedError

    def _run_attributes(self, begun: Begun, *, fit: bool) -> dict[str, Any]:
        """What continuing takes, as the estimator stores it."""
        raise NotImplementedError

    def _dtype_of_start(self) -> Any:
        """The dtype of new networks; None: X decides."""
        return None

    def _check_data(self, X: Any, y: Any, *, reset: bool, dtype: Any) -> tuple[Rows, Any]:
        return check_training_data(self, X, reset=reset, dtype=dtype), None

    def _learn(
        self, y: Any, data: TrainingData, *, continues: bool, fit: bool, classes: Any
    ) -> dict[str, Any]:
        """Set the target of `data`; the attributes that follow from it, new ones only."""
        return {}

    def _split(self, begun: Begun) -> None:
        """Set validation rows aside."""
        data = begun.data
        data.rows, data.validation_rows = split(
            data.rows, self.validation_fraction, begun.runs[0].seed
        )

    def _n_tasks(self, settings: list[TrainingSettings]) -> int:
        """Largest number of parts of `fit` that callbacks hear of: the networks."""
        return sum(how.max_iter > 0 for how in settings)

    # -------------------------------------------------------------- what they share

    def _fit(self, X: Any, y: Any, metadata: dict[str, Any]) -> Self:
        """Fit; `metadata` is what may be passed beside X and y."""
        # again, because scikit-learn's configuration may have skipped it
        self._validate_params()
        with all_or_nothing(self), in_words(self):
            begun = self._begin(X, y, **metadata, fit=True)
            data, network = begun.data, begun.runs[-1].network
            if self.early_stopping:
                self._split(begun)
            begun.settings = [how.for_rows(len(data.rows)) for how in begun.settings]
            monitor = Monitor(
                self,
                data.X.container,
                {
                    "sample_weight": data.sample_weight,
                    "X_corrupted": None if data.X_corrupted is None else data.X_corrupted.container,
                },
                max_subtasks=self._n_tasks(begun.settings),
                attributes=lambda: {
                    **self._network_attributes(network.copy()), **begun.learned
                },
                y=y,
            )  # fmt: skip
            outcomes = self._train(begun, monitor)
            self._store(begun, fit=True)
            monitor.end_fit()
        for outcome in outcomes:
            warn_how_it_ended(self, outcome)
        return self

    def _partial_fit(
        self, X: Any, y: Any, metadata: dict[str, Any], *, classes: Any = None
    ) -> Self:
        """One more pass; `metadata` is what may be passed beside X and y."""
        # scikit-learn checks the parameters before the first call only
        self._validate_params()
        if self.early_stopping:
            raise ValueError(
                "partial_fit does not support early_stopping=True: each call is one pass. "
                "Use fit, or set early_stopping=False."
            )
        begun: Begun | None = None

        def completed() -> bool:
            if begun is None or not begun.continues or not begun.runs[-1].settle():
                return False
            self._store(begun, fit=False)
            return True

        with all_or_nothing(self, completed), in_words(self):
            begun = self._begin(X, y, **metadata, fit=False, classes=classes)
            self._train_one_pass(begun)
            self._store(begun, fit=False)
        return self

    def _begin(
        self,
        X: Any,
        y: Any,
        *,
        fit: bool,
        sample_weight: Any = None,
        X_corrupted: Any = None,
        classes: Any = None,
    ) -> Begun:
        """New networks or the ones to continue with, and the data, checked."""
        continues = self.__sklearn_is_fitted__() and (self.warm_start or not fit)
        settings = self._settings() if fit else self._settings_of_a_pass()
        if continues:
            fitted = {"input_norm": input_norm_of(self)}
            check_unchanged(fitted, {"input_norm": self.input_norm}, fit=fit)
        runs: list[TrainingRun] = []
        if continues:
            runs = self._resume(settings, fit=fit)
        dtype = runs[-1].network.dtype if runs else self._dtype_of_start()
        rows, y = self._check_data(X, y, reset=not continues, dtype=dtype)
        check_same_columns(X, X_corrupted)
        precision = matmul_precision_of(self, dtype or rows.dtype)
        data = TrainingData.of(rows, sample_weight, X_corrupted, normalise=fit)
        learned = self._learn(y, data, continues=continues, fit=fit, classes=classes)
        if not continues:
            learned["_input_norm"] = self.input_norm
        begun = Begun(continues, settings, runs, data, learned)
        loss = self._reconstruction_loss(begun, fit=fit)
        if loss is not None:
            loss.check(data.X)
        if not continues:
            begun.runs = self._start(settings, data, learned, check_random_state(self.random_state))
        for run in begun.runs:
            for layer in run.network.layers:
                layer.matmul_precision = precision
        # networks that are not trained are left out, from the first on
        begun.settings = settings[len(settings) - len(begun.runs) :]
        return begun

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        return tags

    def _store(self, begun: Begun, *, fit: bool) -> None:
        self.__dict__.update(
            self._network_attributes(begun.runs[-1].network)
            | begun.learned
            | self._run_attributes(begun, fit=fit)
        )
