"""S3 as a file system of fsspec, for which s3fs is needed. Credentials and endpoint come from the AWS environment."""

from dataclasses import dataclass
from typing import Any

import aiohttp
from aiobotocore.httpsession import AIOHTTPSession
from botocore.exceptions import ClientError, NoCredentialsError, PartialCredentialsError
from s3fs import S3FileSystem

from offchain.filesystems import CONNECT_SECONDS, read_up_to

MAX_MESSAGE_BYTES = 1024 * 1024
"""Of what a server answers that is no blob: an error, a receipt."""


class _Answer(aiohttp.ClientResponse):
    async def read(self) -> bytes:
        """Read all, where it is no blob: those come piece by piece."""
        if self._body is None:
            self._body = await read_up_to(self.content, MAX_MESSAGE_BYTES + 1)
        if len(self._body) > MAX_MESSAGE_BYTES:
            self.close()
            raise aiohttp.ClientPayloadError(f"more than {MAX_MESSAGE_BYTES:,} bytes that are no blob")
        return self._body


@dataclass(frozen=True, slots=True)
class _OneHost:
    """Requests that go nowhere else than they are sent."""

    session: aiohttp.ClientSession

    async def request(self, method: str, **options: Any) -> aiohttp.ClientResponse:
        return await self.session.request(method, **options, allow_redirects=False)


class _Session(AIOHTTPSession):  # type: ignore[misc]
    async def _get_session(self, proxy_url: str | None) -> _OneHost:
        session: aiohttp.ClientSession = await super()._get_session(proxy_url)
        session._response_class = _Answer  # as its constructor would, which aiobotocore calls
        return _OneHost(session)


class Bucket(S3FileSystem):  # type: ignore[misc]
    """S3, or what speaks like it. An object is there after a whole upload, and until then as it was before."""

    cachable = False  # the environment may be another the next time
    retries = 1  # botocore has its own

    def __init__(self) -> None:
        super().__init__(
            config_kwargs={
                "connect_timeout": CONNECT_SECONDS,
                "http_session_cls": _Session,
                "retries": {"total_max_attempts": 2},
            }
        )

    async def _call_s3(self, method: str, *arguments: Any, **options: Any) -> Any:
        try:
            return await super()._call_s3(method, *arguments, **options)
        except (NoCredentialsError, PartialCredentialsError) as error:
            raise PermissionError(
                f"{error}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
            ) from error

    async def _cat_file(
        self,
        path: str,
        version_id: str | None = None,
        start: int | None = None,
        end: int | None = None,
        **_: Any,
    ) -> bytes:
        bucket, key, _version = self.split_path(path)
        try:
            answer = await self._call_s3("get_object", Bucket=bucket, Key=key)
        except FileNotFoundError as error:
            if isinstance(error.__cause__, ClientError) and _code(error.__cause__) == "NoSuchBucket":
                raise OSError(
                    f"there is no bucket {bucket}"
                ) from error  # and to wait for a blob in it is vain
            raise
        async with answer["Body"] as body:
            return await read_up_to(body, end)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code"))
