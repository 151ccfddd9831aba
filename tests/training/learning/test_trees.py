import numpy as np
import onnxruntime
import pytest

from training.learning.boosting import Boosting, Rows, Shape, fit
from training.learning.trees import F32, margin_onnx, reasons_onnx
from training.release.calibration import sigmoid

COLUMNS = ("balance", "income", "late", "tenure", "noise")


def customers(n: int, seed: int = 1) -> F32:
    generator = np.random.default_rng(seed)
    matrix = generator.normal(size=(n, len(COLUMNS))).astype(np.float32)
    matrix[generator.random(matrix.shape) < 0.15] = np.nan
    return matrix


def boosted(forest: int = 1) -> Boosting:
    matrix = customers(4000)
    risk = np.nan_to_num(matrix[:, 2]) - np.nan_to_num(matrix[:, 0]) - 3.0
    bad = (np.random.default_rng(2).random(4000) < sigmoid(risk.astype(np.float64))).astype(np.int8)
    shape = Shape("t", 4, 1.0 if forest > 1 else 0.1, 1 if forest > 1 else 60, smallest=1.0, forest=forest)
    return fit(shape, Rows.of(matrix), bad, COLUMNS, shape.rounds, 7, (-1, 0, 1, 0, 0))


def run(graph: bytes, matrix: F32) -> F32:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"X": matrix})[0])


@pytest.fixture(scope="module", params=[pytest.param(1, id="boosted"), pytest.param(40, id="forest")])
def model(request: pytest.FixtureRequest) -> Boosting:
    return boosted(request.param)


def test_the_served_probability_is_the_trained_one_on_ten_thousand_rows_with_missing_values(model: Boosting):
    matrix = customers(10_000, seed=3)
    served = run(margin_onnx(model.ensemble(customers(4000))), matrix)[:, 0].astype(np.float64)
    assert np.abs(sigmoid(served) - sigmoid(model.margin(matrix))).max() < 1e-5


def test_reasons_add_up_to_the_margin(model: Boosting):
    trees, matrix = model.ensemble(customers(4000)), customers(2000, seed=4)
    contributions = run(reasons_onnx(trees), matrix).astype(np.float64)
    assert contributions.shape == matrix.shape
    assert np.abs(contributions.sum(axis=1) + trees.reference_margin - model.margin(matrix)).max() < 1e-4


def test_reasons_start_from_the_average_of_the_training_rows(model: Boosting):
    training = customers(4000)
    contributions = run(reasons_onnx(model.ensemble(training)), training)
    assert np.abs(contributions.mean(axis=0)).max() < 1e-4


def test_what_no_tree_asks_for_is_no_reason(model: Boosting):
    shallow = fit(Shape("one", 1, 0.1, 1), Rows.of(customers(500)), *labels(500), COLUMNS, 1, 7)
    contributions = run(reasons_onnx(shallow.ensemble(customers(500))), customers(50))
    used = {COLUMNS.index(name) for name, _ in shallow.gains()}
    assert all(not contributions[:, j].any() for j in range(len(COLUMNS)) if j not in used)


def labels(n: int) -> tuple[np.ndarray]:
    return ((np.nan_to_num(customers(n)[:, 0]) > 0).astype(np.int8),)


@pytest.mark.parametrize(
    "graph", [pytest.param(margin_onnx, id="margin"), pytest.param(reasons_onnx, id="reasons")]
)
def test_a_customer_alone_and_among_a_thousand_gets_the_same_bits(model: Boosting, graph):
    content, matrix = graph(model.ensemble(customers(4000))), customers(1000, seed=5)
    together = run(content, matrix)
    alone = np.concatenate([run(content, matrix[i : i + 1]) for i in range(40)])
    assert (alone == together[:40]).all()


def test_risk_only_rises_where_the_domain_says_so(model: Boosting):
    matrix = np.repeat(customers(200, seed=6), 2, axis=0)
    matrix[::2, 2], matrix[1::2, 2] = -2.0, 2.0
    margin = model.margin(matrix)
    assert (margin[1::2] >= margin[::2]).all()
    assert (margin[1::2] > margin[::2]).any()
