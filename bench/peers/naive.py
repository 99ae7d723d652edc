"""The service as a tutorial writes it: a pydantic model, a data frame of one row, and the pipeline."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel, Field, create_model
from sklearn.pipeline import Pipeline

from ml.core.frame import frame_of
from ml.io.models import load_pipeline
from ml.problem import Problem, read_problem
from service.schema import Feature

TYPES: dict[str, Any] = {"integer": int, "number": float, "boolean": bool}


def build(problem: Problem, pipeline: Pipeline) -> FastAPI:
    app = FastAPI(title=problem.title)
    fields: dict[str, Any] = {feature.name: (_type(feature), ...) for feature in problem.features}
    row_model: type[BaseModel] = create_model("Row", **fields)
    # The dtypes that the pipeline was fitted on; a frame of one row cannot guess them where a value is missing.
    dtypes = frame_of(problem, [problem.schema_.example]).dtypes.to_dict()
    threshold = problem.output.threshold

    async def predict(row: BaseModel) -> dict[str, float]:
        frame = pd.DataFrame([row.model_dump()]).astype(dtypes)
        if problem.task == "regression":
            return {"prediction": float(pipeline.predict(frame)[0])}
        probability = float(pipeline.predict_proba(frame)[0, 1])
        return {"prediction": float(probability >= threshold), "probability": probability}

    predict.__annotations__["row"] = row_model
    app.post("/predict")(predict)
    return app


def _type(feature: Feature) -> Any:
    if feature.kind == "category":
        kind: Any = Literal[feature.levels]
    elif feature.kind == "boolean":
        kind = bool
    else:
        kind = Annotated[TYPES[feature.kind], Field(ge=feature.minimum, le=feature.maximum)]
    return kind | None if feature.nullable else kind


def main() -> None:
    problem, model, port = read_problem(Path(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[3])
    uvicorn.run(build(problem, load_pipeline(model)), host="127.0.0.1", port=port)


if __name__ == "__main__":
    main()
