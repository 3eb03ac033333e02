"""A web application that shares one client among all its requests.

pip install ltx_async
USEAPI_TOKEN=user:12345-abcdefghi python web_app.py
curl http://127.0.0.1:8080/balance/ann@example.com
"""

from collections.abc import AsyncIterator

from aiohttp import web

from ltx_async import AccountNotFoundError, LTXClient, LTXError

CLIENT = web.AppKey("ltx_client", LTXClient)


async def shared_client(app: web.Application) -> AsyncIterator[None]:
    """Open the client with the application and close it with the application."""
    async with LTXClient(concurrency=10) as client:
        app[CLIENT] = client
        yield


async def balance(request: web.Request) -> web.Response:
    """Answer with the balance of one account; a visitor does not wait for 5 minutes."""
    client = request.app[CLIENT]
    try:
        account = await client.fetch_account(request.match_info["email"], deadline=10)
    except AccountNotFoundError:
        return web.json_response({"error": "no such account"}, status=404)
    except LTXError as error:
        return web.json_response({"error": error.message, "hint": error.hint}, status=502)
    return web.json_response(
        {"balance": account.token_balance, "needs_reauth": account.needs_reauth}
    )


def application() -> web.Application:
    """Put the application together."""
    app = web.Application()
    app.cleanup_ctx.append(shared_client)
    app.router.add_get("/balance/{email}", balance)
    return app


if __name__ == "__main__":
    web.run_app(application(), host="127.0.0.1", port=8080)
