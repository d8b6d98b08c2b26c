"""The ways to regress: each is fitted with scikit-learn or by one linear system, and answers with numpy or compiled code.

Inputs [n, dims] and outputs [n, targets] are in standard units. A fit is a tuple of plain arrays, `weights`; `answering` makes
a function of it that takes gestures as they come.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from runtime.compiled import import_compiled

METHODS = ("mlp", "knn", "gp", "rbf", "ridge")

Answer = Callable[[np.ndarray], np.ndarray]
"""Gestures [dims, n], float32 in C order, to targets [targets, n], float64."""

MLP_ALPHA = 0.1
"""Weight decay of the MLP. Measured on synthetic faces (8 features, 6 and 12 anchors of 30 frames, 8 latents, 8 tanh units):
from 1e-5 to 0.1 anchors are missed by the same 0.01 standard deviations (0.02 with only 4 frames), while R2 on gestures left out
rises from -0.04 to 0.15; at 1 an anchor of one frame is missed by 0.17."""

MOST_ITERATIONS = 1000
"""Steps of L-BFGS at most; 12 anchors need some hundreds (0.1 s; 20 anchors of 300 frames 0.7 s)."""

RIDGE_ALPHA = 0.1
"""Ridge shrinks little: a plane through many anchors misses them anyway, and through few it shall not miss them more."""

RBF_SMOOTHING = 1e-3
"""How much the surface of radial basis functions may leave its examples, so that two nearly equal gestures with different targets
do not tear it; anchors that can be told apart are missed by 0.01 standard deviations at most."""

NOISE = (1e-4, 1e-1)
"""Least and most variance of what the Gaussian process takes for tremble. Without the upper bound it may find it likeliest that
all is noise, and answers the mean everywhere."""


def fit_mlp(inputs: np.ndarray, outputs: np.ndarray, hidden: int, seed: int) -> tuple[np.ndarray, ...]:
    """One hidden layer of tanh units, trained by L-BFGS: hidden weights and biases, output weights and biases.

    scikit-learn's default solver (adam) misses the artist's own anchors on so few examples; L-BFGS hits them."""
    from sklearn.neural_network import MLPRegressor

    model = MLPRegressor(
        hidden_layer_sizes=(hidden,),
        activation="tanh",
        solver="lbfgs",
        alpha=MLP_ALPHA,
        max_iter=MOST_ITERATIONS,
        random_state=seed % 2**32,
    )
    fitted_quietly(model, inputs, outputs)
    (hidden_weights, output_weights), (hidden_biases, output_biases) = model.coefs_, model.intercepts_
    return hidden_weights, hidden_biases, output_weights, output_biases


def fit_ridge(inputs: np.ndarray, outputs: np.ndarray) -> tuple[np.ndarray, ...]:
    """A plane: weights [dims, targets] and biases [targets]."""
    from sklearn.linear_model import Ridge

    model = Ridge(alpha=RIDGE_ALPHA, solver="cholesky").fit(inputs, outputs)
    return np.atleast_2d(model.coef_).T, np.atleast_1d(model.intercept_)


def fit_gp(inputs: np.ndarray, outputs: np.ndarray, spacing: float) -> tuple[np.ndarray, ...]:
    """A Gaussian process with one length for all dimensions, found by the likelihood from `spacing` on: its centres, their
    weights [centres, targets], and [variance, length]."""
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    kernel = ConstantKernel(1.0, (1e-2, 1e2)) * RBF(spacing, (spacing / 4, spacing * 8)) + WhiteKernel(1e-2, NOISE)
    model = GaussianProcessRegressor(kernel)
    fitted_quietly(model, inputs, outputs)
    found = model.kernel_.k1
    return inputs, model.alpha_.reshape(len(inputs), -1), np.array([found.k1.constant_value, found.k2.length_scale])


def fit_rbf(inputs: np.ndarray, outputs: np.ndarray, spacing: float) -> tuple[np.ndarray, ...]:
    """A surface of multiquadrics (Hardy 1971) as wide as the anchors lie apart, on a constant: its centres, their weights
    [centres, targets], [width], and the constants [targets]. Far outside it goes on straight.

    The system is that of scipy's RBFInterpolator with degree 0; it has one solution for any examples that differ."""
    count = len(inputs)
    system = np.ones((count + 1, count + 1))
    system[:count, :count] = _multiquadric(_squared(inputs, inputs), spacing) + RBF_SMOOTHING * np.eye(count)
    system[count, count] = 0.0
    solved = np.linalg.solve(system, np.concatenate([outputs, np.zeros((1, outputs.shape[1]))]))
    return inputs, solved[:count], np.array([spacing]), solved[count]


def folded_perceptron(
    weights: tuple[np.ndarray, ...], mean: np.ndarray, scale: np.ndarray, target_mean: np.ndarray, target_scale: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """An MLP for gestures and targets in the artist's units: hidden [units, dims + 1] and output [targets, units + 1], the biases
    last. Raises ValueError where its arrays do not fit together."""
    hidden_weights, hidden_biases, output_weights, output_biases = weights
    units, dims, targets = hidden_biases.size, mean.size, target_mean.size
    if [part.shape for part in weights] != [(dims, units), (units,), (units, targets), (targets,)]:
        raise ValueError("the weights of the mapping do not fit together")
    hidden = standardising(mean, scale, hidden_weights, hidden_biases)
    output = np.vstack([output_weights * target_scale, output_biases * target_scale + target_mean])
    return np.ascontiguousarray(hidden.T, np.float64), np.ascontiguousarray(output.T, np.float64)


def answering(
    method: str,
    weights: tuple[np.ndarray, ...],
    mean: np.ndarray,
    scale: np.ndarray,
    target_mean: np.ndarray,
    target_scale: np.ndarray,
) -> Answer:
    """A plane or a sum of kernels ready to answer, for gestures and targets in the artist's units."""
    if method == "ridge":
        plane, biases = weights
        folded = standardising(mean, scale, plane * target_scale, biases * target_scale + target_mean).T
        turn, bias = folded[:, :-1], folded[:, -1:]
        return lambda gestures: turn.dot(gestures) + bias
    centres, coefficients, shape = weights[:3]
    if centres.shape[1:] != mean.shape:  # compiled code would read beside them
        raise ValueError("the centres of the mapping do not fit its dimensions")
    constant = weights[3] if method == "rbf" else np.zeros(len(target_mean))
    bias = (constant * target_scale + target_mean)[:, None]
    centres = np.ascontiguousarray((centres * scale + mean).T, np.float64)
    return _kernel(method, centres, scale**-2.0, (coefficients * target_scale).T, shape, bias)


def standardising(mean: np.ndarray, scale: np.ndarray, weights: np.ndarray, biases: np.ndarray) -> np.ndarray:
    """[dims + 1, m] so that [x, 1] @ it is (x - mean) / scale @ weights + biases."""
    weights = weights / scale[:, None]
    return np.concatenate([weights, (biases - mean @ weights)[None]])


def fitted_quietly(model: object, inputs: np.ndarray, outputs: np.ndarray) -> None:
    """Fits a scikit-learn model to inputs and outputs [n, k], without its advice to go on."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # what is reached is good enough, and scores() tells how good
        model.fit(inputs, outputs if outputs.shape[1] > 1 else outputs[:, 0])  # type: ignore[attr-defined]


def _kernel(
    method: str, centres: np.ndarray, weights: np.ndarray, coefficients: np.ndarray, shape: np.ndarray, bias: np.ndarray
) -> Answer:
    """`centres` [dims, centres] lie apart from gestures by sums of `weights` [dims] * difference^2; `coefficients` [targets,
    centres]."""
    squares = import_compiled("nodes.regression_compiled").squares

    def answer(gestures: np.ndarray) -> np.ndarray:
        squared = squares(centres, weights, gestures).T
        kernel = shape[0] * np.exp(squared * (-0.5 / shape[1] ** 2)) if method == "gp" else _multiquadric(squared, shape[0])
        targets: np.ndarray = coefficients.dot(kernel)
        targets += bias
        return targets

    return answer


def _multiquadric(squared: np.ndarray, width: float) -> np.ndarray:
    kernel: np.ndarray = -np.sqrt(1.0 + squared / width**2)
    return kernel


def _squared(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    from scipy.spatial.distance import cdist

    found: np.ndarray = cdist(left, right, "sqeuclidean")
    return found
