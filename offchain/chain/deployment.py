"""The one file that passes from a deployment to the workers: `deployments/<chain id>.json`."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from web3 import Web3

from offchain.canonical import from_json
from offchain.chain.errors import DeploymentInvalid

MAX_FILE_BYTES = 4 * 1024 * 1024


class Parameter(BaseModel):
    """What an ABI says of a value; web3 reads the rest."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow")

    type: str
    name: str


class Entry(BaseModel):
    """What an ABI says of a function, an event or an error."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow")

    type: Literal["constructor", "error", "event", "fallback", "function", "receive"]
    name: str = ""
    inputs: list[Parameter] = []


class Contract(BaseModel):
    """Where a contract is and how it is called."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    address: str
    abi: list[dict[str, Any]]

    @field_validator("abi")
    @classmethod
    def _is_abi(cls, value: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for index, entry in enumerate(value):
            try:
                Entry.model_validate(entry)
            except ValidationError:
                raise ValueError(f"entry {index} describes no function, event or error") from None
        return value

    @field_validator("address")
    @classmethod
    def _is_checksummed(cls, value: str) -> str:
        if not Web3.is_checksum_address(value):
            raise ValueError(f"{value!r} is not a checksummed address")
        return value


class Deployment(BaseModel):
    """A deployment of the protocol on one chain."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    chain_id: int = Field(gt=0)
    block: int = Field(ge=0)  # the block of the deployment: no event is older
    initialization: dict[str, Any]  # what the genesis block's parametersHash is the hash of
    token: Contract
    vault: Contract
    registry: Contract
    proof: Contract
    ledger: Contract
    market: Contract
    scorers: dict[str, Contract]

    @property
    def addresses(self) -> dict[str, str]:
        """Where each contract is, by its name."""
        names = ("token", "vault", "registry", "proof", "ledger", "market")
        contracts = {**{name: getattr(self, name) for name in names}, **self.scorers}
        return {name: contract.address for name, contract in contracts.items()}

    @property
    def abis(self) -> list[list[dict[str, Any]]]:
        """The ABIs of all contracts."""
        contracts = (self.token, self.vault, self.registry, self.proof, self.ledger, self.market)
        return [contract.abi for contract in (*contracts, *self.scorers.values())]

    def path(self, folder: Path) -> Path:
        """Where its file is in a folder."""
        return folder / f"{self.chain_id}.json"

    def save(self, folder: Path) -> Path:
        """Write the file into `folder`, whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        path = self.path(folder)
        temporary = path.with_suffix(".tmp")
        temporary.write_text(self.model_dump_json(indent=1) + "\n")
        temporary.replace(path)
        return path

    @classmethod
    def load(cls, path: Path) -> "Deployment":
        """Read a deployments file; raises DeploymentInvalid."""
        if not path.is_file():
            raise DeploymentInvalid(
                str(path.absolute()), "no such file: deploy first, or name its folder with --deployments"
            )
        if path.stat().st_size > MAX_FILE_BYTES:
            raise DeploymentInvalid(str(path), f"larger than {MAX_FILE_BYTES:,} bytes")
        try:
            return cls.model_validate(from_json(path.read_bytes(), MAX_FILE_BYTES))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise DeploymentInvalid(str(path), f"{where}: {first['msg']}") from error
        except ValueError as error:
            raise DeploymentInvalid(str(path), f"not JSON: {error}") from error
