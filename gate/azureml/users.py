"""Users of an image in Azure Machine Learning: environments that name it, deployments that run it, models.

A deployment names an environment and never an image, so environments are read first, in all that was configured. A
deployment whose environment was read nowhere is nobody's "no": what it runs is not known, and the answer says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gate.azureml.assets import NAME, environment_key, home_of
from gate.azureml.reading import MlReader
from gate.errors import GateError, NotFoundError, UpstreamError
from gate.findings.defender.model import RowError
from gate.model.redact import redact
from gate.policy.users import UserKind
from gate.promotion.mentions import mention, mention_within, plain_host
from gate.promotion.users import ImageUser, Unasked, Users

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from gate.azureml.assets import Deployment, Environment, EnvironmentKey, Model
    from gate.bounds import DefenderBounds
    from gate.cloud_ml import MlResource
    from gate.findings.defender.arm import Arm
    from gate.promotion.mentions import Named

KINDS = (UserKind.ENVIRONMENT, UserKind.DEPLOYMENT, UserKind.MODEL)
CURATED = frozenset({"azureml"})
"""Microsoft's own registry: the images of its environments lie in the Microsoft Artifact Registry."""

_BUILT = re.compile(r"azureml/azureml_[0-9a-f]{32}")
"""Where a workspace keeps what it built; the hash is of a definition that Resource Manager does not tell."""
_SAID = 300


@dataclass(slots=True, kw_only=True)
class _Read:
    """What one resource holds, as far as it was asked for."""

    resource: MlResource
    reader: MlReader
    registry: str = ""
    environments: tuple[Environment, ...] = ()
    deployments: tuple[Deployment, ...] = ()
    models: tuple[Model, ...] = ()


@dataclass(slots=True, kw_only=True)
class _Known:
    """All environments that were read, and those that were asked for one by one."""

    named: Named
    reads: Sequence[_Read]
    by_key: dict[EnvironmentKey, Environment] = field(default_factory=dict)


class MlUsers:
    """Implements `gate.promotion.users.UserSource` over the configured workspaces and registries.

    Each question reads everything anew: what is asked for right before a deletion must not be an answer of yesterday.
    """

    def __init__(self, arm: Callable[[], Arm], resources: Sequence[MlResource], bounds: DefenderBounds) -> None:
        """Connect nothing yet; `arm` is called when somebody is asked."""
        self._arm = arm
        self._resources = resources
        self._bounds = bounds

    def users(self, named: Named, kinds: Collection[UserKind]) -> Users:
        """Return who names the image. A layout folder can be named by nobody there."""
        wanted = [kind for kind in KINDS if kind in kinds]
        if not wanted or named.place.startswith("oci:"):
            return Users()
        reads, found = [], Users()
        for resource in self._resources:
            try:
                reads.append(self._read(resource, wanted))
            except (GateError, RowError) as error:
                found = found.joined(Users(unasked=(_unasked(resource, wanted, error),)))
        environments = {one.key: one for read in reads for one in read.environments}
        known = _Known(named=named, reads=reads, by_key=environments)
        for read in reads:
            found = found.joined(_users_of(read, known, wanted))
        return found

    def _read(self, resource: MlResource, kinds: Collection[UserKind]) -> _Read:
        reader = MlReader(self._arm(), resource, self._bounds)
        read = _Read(resource=resource, reader=reader, registry=reader.registry())
        if UserKind.ENVIRONMENT in kinds or UserKind.DEPLOYMENT in kinds:
            read.environments = reader.environments()
        if UserKind.DEPLOYMENT in kinds:
            read.deployments = reader.deployments()
        if UserKind.MODEL in kinds:
            read.models = reader.models()
        return read


def _users_of(read: _Read, known: _Known, kinds: Collection[UserKind]) -> Users:
    users: list[ImageUser] = []
    unasked: list[Unasked] = []
    if UserKind.ENVIRONMENT in kinds:
        users += (user for one in read.environments if (user := _environment_user(one, known.named)))
    for deployment in read.deployments:
        match _deployment_user(deployment, read, known):
            case ImageUser() as user:
                users.append(user)
            case Unasked() as lacking:
                unasked.append(lacking)
    users += (user for model in read.models if (user := _model_user(model, known.named)))
    return Users(users=tuple(users), unasked=tuple(unasked))


def _environment_user(one: Environment, named: Named) -> ImageUser | None:
    how = mention(one.image, named)
    return None if how is None else _user(UserKind.ENVIRONMENT, one.shown, how, one.image)


def _model_user(model: Model, named: Named) -> ImageUser | None:
    for text in model.texts:
        how = mention_within(text, named)
        if how is not None:
            return _user(UserKind.MODEL, model.shown, how, text)
    return None


def _deployment_user(deployment: Deployment, read: _Read, known: _Known) -> ImageUser | Unasked | None:
    if not deployment.environment:
        return None  # of a model that brings its own (MLflow): its environment is a curated one
    try:
        environments = list(_environments(deployment, read, known))
    except (GateError, RowError) as error:
        return _unasked(read.resource, (UserKind.DEPLOYMENT,), error)
    for one in environments:
        how = mention(one.image, known.named)
        if how is not None:
            return _user(UserKind.DEPLOYMENT, deployment.shown, how, one.image)
        if one.built and _may_be_built_there(one, read, known.named):
            return _user(UserKind.DEPLOYMENT, deployment.shown, "built", deployment.environment)
    return None


def _environments(deployment: Deployment, read: _Read, known: _Known) -> Iterator[Environment]:
    """Yield the environments that a deployment may run: one, or every version where it names none."""
    key = environment_key(deployment.environment, home_of(read.resource))
    if key is None:
        raise _unread(deployment, why="it can't be read")
    if key.kind == "registries" and key.home in CURATED:
        return
    if not key.version:
        versions = [one for other, one in known.by_key.items() if other[:3] == key[:3]]
        if not versions:
            raise _unread(deployment, why="no version of it was read")
        yield from versions
        return
    if key not in known.by_key:
        known.by_key[key] = _asked_for(key, deployment, known)
    yield known.by_key[key]


def _asked_for(key: EnvironmentKey, deployment: Deployment, known: _Known) -> Environment:
    owner = next((one for one in known.reads if (one.resource.kind, home_of(one.resource)) == key[:2]), None)
    if owner is None:
        raise _unread(deployment, why="it belongs to a workspace or registry that is not asked")
    if not NAME.fullmatch(key.name) or not NAME.fullmatch(key.version):
        raise _unread(deployment, why="it can't be read")
    try:
        return owner.reader.environment(key.name, key.version)
    except NotFoundError:
        raise _unread(deployment, why="it is gone") from None


def _may_be_built_there(one: Environment, read: _Read, named: Named) -> bool:
    if not _BUILT.fullmatch(named.path):
        return False
    # What a registry's environment was built as lies in that registry's own storage, whose host is not told here.
    return one.kind == "registries" or (bool(read.registry) and _is_registry(named.host, read.registry))


def _is_registry(host: str, name: str) -> bool:
    """Say whether a login server may be that of the registry: `name…`, as a domain label may follow."""
    first = plain_host(host).partition(".")[0].partition(":")[0]
    return first == name or first.startswith(f"{name}-") or not host.endswith(_ENDS)


_ENDS = (".azurecr.io", ".azurecr.us", ".azurecr.cn")


def _user(kind: UserKind, name: str, how: str, said: str) -> ImageUser:
    return ImageUser(kind=kind, name=name, how=how, said=redact(said)[:_SAID])


def _unread(deployment: Deployment, why: str) -> UpstreamError:
    message = f"the environment of the deployment {deployment.shown} is not known: {why}"
    hint = "name its workspace or registry in GATE_AZUREML_RESOURCES, or remove the deployment"
    return UpstreamError(
        message, code="environment_unread", hint=hint, environment=redact(deployment.environment)[:200]
    )


def _unasked(resource: MlResource, kinds: Collection[UserKind], error: GateError | RowError) -> Unasked:
    source = f"{resource.kind.removesuffix('s')} {resource.name}".replace("registrie ", "registry ")
    if isinstance(error, NotFoundError):
        message = "Azure knows no such thing"
        hint = "if it is gone for good, take it out of GATE_AZUREML_RESOURCES; else see to the id and the tenant"
        return Unasked(source=source, kinds=tuple(kinds), code="azureml_missing", message=message, hint=hint)
    if isinstance(error, RowError):
        message = f"its answer can't be read: {error}"[:_SAID]
        return Unasked(source=source, kinds=tuple(kinds), code="azure_answer_unreadable", message=message)
    return Unasked.of(source, kinds, error)
