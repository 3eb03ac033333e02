"""A FastAPI service that shares one client among all its requests.

pip install ltx_async fastapi uvicorn
USEAPI_TOKEN=user:12345-abcdefghi uvicorn fastapi_app:app --timeout-graceful-shutdown 10
curl http://127.0.0.1:8000/balance/ann@example.com
curl http://127.0.0.1:8000/check --json '["ann@example.com", "bob@example.com"]'
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import StreamingResponse

from ltx_async import AccountNotFoundError, LTXClient, LTXError


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the client with the service, in its event loop, and close it with the service."""
    async with LTXClient(concurrency=10) as client:
        app.state.ltx_client = client
        yield


def shared_client(request: Request) -> LTXClient:
    """Return the one client."""
    client: LTXClient = request.app.state.ltx_client
    return client


app = FastAPI(lifespan=lifespan)
Client = Annotated[LTXClient, Depends(shared_client)]


@app.get("/balance/{email}")
async def balance(email: str, client: Client) -> dict[str, float | bool | None]:
    """Answer with the balance of one account; a visitor does not wait for 5 minutes."""
    try:
        account = await client.fetch_account(email, deadline=10)
    except AccountNotFoundError:
        raise HTTPException(404, "no such account") from None
    except LTXError as error:
        raise HTTPException(502, {"error": error.message, "hint": error.hint}) from None
    return {"balance": account.token_balance, "needs_reauth": account.needs_reauth}


@app.post("/check")
async def check(emails: list[str], client: Client) -> StreamingResponse:
    """Answer with a line for each email, as they complete; who goes away stops the run."""

    async def lines() -> AsyncIterator[str]:
        try:
            async with client.lookup_many(emails) as lookups:
                async for lookup in lookups:
                    yield json.dumps(lookup.to_record()) + "\n"
        except LTXError as error:  # the run ended early, for all: the rest is pending
            yield json.dumps({"error": error.message, "hint": error.hint}) + "\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")
