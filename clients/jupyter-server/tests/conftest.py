"""Every test runs in an event loop, as the add-on does."""

import asyncio
import inspect


def pytest_pyfunc_call(pyfuncitem):
    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}

    async def run():
        result = pyfuncitem.obj(**arguments)
        if inspect.isawaitable(result):
            await result

    asyncio.run(run())
    return True
