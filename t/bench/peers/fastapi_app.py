"""A peer of the benchmark: FastAPI with asyncpg, two workers of uvicorn.

It runs the statements that Pando's route runs and passes PostgreSQL's JSON on
as text.
"""

import json
import os
from uuid import UUID

import asyncpg
from fastapi import FastAPI, Response

with open(os.environ["PEER"]) as f:
    config = json.load(f)

statements = config["statements"]
app = FastAPI()


@app.on_event("startup")
async def connect():
    app.state.pool = await asyncpg.create_pool(
        host=config["host"], database=config["database"],
        user=config["user"], min_size=8, max_size=8)


@app.get(config["path"] + "/{id}")
async def get(id: UUID):
    row = None

    async with app.state.pool.acquire() as connection:
        for s in statements:
            row = await connection.fetchrow(s["text"], *[
                id if is_id else value
                for value, is_id in zip(s["params"], s["ids"])])

            if row is None:
                return Response(status_code=404)

    return Response(row[0], media_type="application/json")
