"""Running tree models: ONNX Runtime with one thread, so that a batch changes no bit."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime

from training.release.errors import BrokenRelease
from training.release.segmentation import F32Array


@dataclass(frozen=True)
class Trees:
    """A loaded graph with one float32 matrix in and one out."""

    session: Any
    input: str
    width: int
    outputs: int

    @staticmethod
    def load(path: str, content: bytes, width: int, outputs: int) -> "Trees":
        """The graph in `content`; BrokenRelease unless it maps (n, width) to (n, outputs).

        Only ever call it with verified bytes: the parser below is not memory-safe.
        """
        try:
            session = onnxruntime.InferenceSession(content, _options(), providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors share no other base
            raise BrokenRelease(path, f"onnxruntime refuses it ({type(error).__name__})") from error
        inputs, found = session.get_inputs(), session.get_outputs()
        if len(inputs) != 1 or len(found) != 1 or inputs[0].shape[1:] != [width]:
            raise BrokenRelease(path, f"it should take one matrix of {width} columns")
        trees = Trees(session, inputs[0].name, width, outputs)
        shape = trees.run(np.zeros((1, width), np.float32)).shape
        if shape != (1, outputs):
            raise BrokenRelease(path, f"it answers with shape {shape}, not (1, {outputs})")
        return trees

    def run(self, features: F32Array) -> F32Array:
        """The graph's answer (n, outputs) for features (n, width)."""
        given = {self.input: np.ascontiguousarray(features, np.float32)}
        answer: F32Array = self.session.run(None, given)[0]
        return answer


def _options() -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.log_severity_level = 4
    return options
