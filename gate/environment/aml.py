"""Azure ML YAML: environments, assets, jobs, components, deployments, prompt flows; inline or by reference."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from gate.environment import aml_asset
from gate.environment.conda import load_yaml, read_environment
from gate.environment.found import MISSING, TEMPLATE, UNRESOLVED, Found
from gate.environment.images import parse_image
from gate.environment.places import unresolved
from gate.environment.templates import has_template
from gate.environment.yaml_tree import Mapping, Node, Scalar, Sequence, YamlError, parse_yaml
from gate.model.origin import Kind, Origin, OriginKind

if TYPE_CHECKING:
    from gate.environment.reading import Reading
    from gate.environment.text import Text

# Below these keys lie data and settings that name no software.
_DATA = frozenset(
    [
        "inputs",
        "outputs",
        "tags",
        "properties",
        "environment_variables",
        "distribution",
        "description",
        "resources",
        "limits",
        "identity",
        "settings",
        "services",
        "metadata",
        "model",
        "data",
        "datasets",
        "request_settings",
        "liveness_probe",
        "readiness_probe",
        "scale_settings",
        "schedule",
        "trigger",
        "sampling_algorithm",
        "objective",
        "search_space",
        "display_name",
        "experiment_name",
        "compute",
    ]
)
_CONDA = ("conda_file", "conda_dependencies", "condaDependencies", "conda_dependencies_file", "condaDependenciesFile")
"""Where the conda environment of an environment stands, inline or as a path; the last four in older definitions."""

_SOFTWARE = ("image", *_CONDA, "build", "docker", "python", "python_requirements_txt")
_INSTALLS = re.compile(r"\b(?:install|add|clone|curl|wget|sync|update|create)\b")
_REGISTERED = re.compile(r"(?:azureml:|azureml://|\$\{\{)", re.IGNORECASE)
_OPTIONAL = re.compile(r"\$\[\[(.*?)\]\]", re.DOTALL)
"""What a command line holds only if an optional input is given: it may be given."""

_REGISTRY = re.compile(r"azureml://registries/([^/]+)/", re.IGNORECASE)


def read(text: Text, reading: Reading) -> None:
    """Read a YAML file of Azure ML."""
    root = load_yaml(text, reading)
    if root is None:
        return
    if not isinstance(root, Mapping):
        reading.problem("not_aml", "no mapping at the top of the file", text, root.line)
        return
    with reading.entering(text.path):
        before = len(reading.references), len(reading.problems), len(reading.sources)
        _AmlFile(text, reading).top(root)
        if before == (len(reading.references), len(reading.problems), len(reading.sources)):
            message = "no environment is declared or referenced here"
            reading.problem("no_environment", message, text, root.line, error=False)


class _AmlFile:
    """One file, walked from the top; every environment in it is read where it stands."""

    def __init__(self, text: Text, reading: Reading) -> None:
        self.text, self.reading = text, reading
        self.folder = posixpath.dirname(text.path)
        self.seen: set[int] = set()

    def top(self, root: Mapping) -> None:
        kind = root.text("type")
        spec = root.text("spec")
        if spec is not None and (kind is None or root.get("extra_config") or kind.text == "environment"):
            self.include(spec)
            return
        if self.is_environment(root):
            self.environment(root)
        self.walk(root)

    @staticmethod
    def is_environment(node: Mapping) -> bool:
        return any(node.get(key) is not None for key in _SOFTWARE if key != "python")

    def walk(self, node: Node) -> None:
        if isinstance(node, Sequence):
            for item in node.items:
                self.walk(item)
        if not isinstance(node, Mapping):
            return
        for key, value in node.entries.items():
            if self.new(value):
                self.entry(key, value, node)

    def entry(self, key: str, value: Node, node: Mapping) -> None:
        match key:
            case "environment" | "default_environment":
                self.environment_value(value)
            case "settings" if isinstance(value, Mapping) and (default := value.get("default_environment")):
                self.environment_value(default)
            case "component" | "trial" | "flow":
                self.component(value)
            case "command" if isinstance(value, Scalar):
                self.command(value, node.text("code"))
            case _ if key not in _DATA and key not in _SOFTWARE:
                self.walk(value)
            case _:
                pass

    def new(self, node: Node) -> bool:
        """Say whether a node is met for the first time: an alias says again what stands once."""
        known = id(node) in self.seen
        self.seen.add(id(node))
        return not known

    def environment_value(self, value: Node) -> None:
        if isinstance(value, Mapping):
            self.environment(value)
            self.walk(value)
            name = value.text("name")
            if name and not any(value.get(key) is not None for key in _SOFTWARE):
                self.named_only(name, value.text("version"))
        elif isinstance(value, Scalar) and not value.null:
            self.registered_or_file(value)

    def named_only(self, name: Scalar, version: Scalar | None) -> None:
        """Keep an environment that says nothing of what is in it: a workspace may hold it under that name."""
        spec = version.text if version else ""
        found = Found(kind=Kind.OTHER, name=name.text, spec=spec, line=name.line, undetermined="registered_environment")
        self.reading.add(found, (), self.text)

    def component(self, value: Node) -> None:
        if isinstance(value, Scalar) and not value.null:
            self.registered_or_file(value)
        else:
            self.walk(value)

    def registered_or_file(self, value: Scalar) -> None:
        name = value.text.strip()
        if not _REGISTERED.match(name) and (
            name.startswith((".", "file:")) or name.lower().endswith((".yml", ".yaml"))
        ):
            self.include(value)
            return
        registry = _REGISTRY.match(name)
        origins: tuple[Origin, ...] = ()
        undetermined = "registered_environment"
        if registry and not unresolved(registry[1]):
            location = f"azureml://registries/{registry[1]}"
            origins, undetermined = (Origin(kind=OriginKind.IMAGE_REGISTRY, location=location),), ""
        elif unresolved(name):
            undetermined = TEMPLATE if has_template(name) else UNRESOLVED
        name, spec = split_registered(name)
        found = Found(kind=Kind.OTHER, name=name, spec=spec, line=value.line, undetermined=undetermined)
        self.reading.add(found, origins, self.text)

    def include(self, value: Scalar) -> None:
        """Read another Azure ML file that this one names."""
        target = self.reading.locate(value.text.strip().removeprefix("file:"), self.folder)
        if target is None:
            self.missing(value)
        elif target not in self.reading.files:
            with self.reading.including(target, self.text, value.line) as nested:
                root = load_yaml(nested, self.reading) if nested else None
                if nested and isinstance(root, Mapping):
                    _AmlFile(nested, self.reading).top(root)

    def missing(self, value: Scalar) -> None:
        code = TEMPLATE if has_template(value.text) else UNRESOLVED if unresolved(value.text) else MISSING
        found = Found(kind=Kind.OTHER, name=value.text.strip(), line=value.line, undetermined=code)
        self.reading.add(found, (), self.text)

    def environment(self, node: Mapping) -> None:
        """Read the mapping of one environment."""
        if (image := node.text("image")) and image.text.strip():
            found, origins = parse_image(image.text, image.line)
            self.reading.add(found, origins, self.text)
        for part in (node, node.mapping("python")):
            for key in _CONDA if part else ():
                if part and (conda := part.get(key)) is not None and self.new(conda):
                    self.conda_file(conda)
        if (build := node.get("build")) is not None:
            self.build(build)
        if requirements := node.text("python_requirements_txt"):
            self.requirements(requirements)
        if docker := node.mapping("docker"):
            self.docker(docker)

    def docker(self, node: Mapping) -> None:
        """Read the `docker` section of older definitions."""
        for key in ("image", "base_image", "baseImage"):
            if image := node.text(key):
                found, origins = parse_image(image.text, image.line)
                self.reading.add(found, origins, self.text)
        if build := node.mapping("build"):
            self.build(build)

    def conda_file(self, node: Node) -> None:
        if isinstance(node, Mapping):
            read_environment(node, self.text, self.reading)
        elif isinstance(node, Scalar) and "\n" in node.text:
            self.inline_text(node)
        elif isinstance(node, Scalar):
            self.file_as("conda", node)

    def inline_text(self, node: Scalar) -> None:
        try:
            inline = parse_yaml("\n" * node.line + node.text, self.reading.bounds)
        except YamlError as error:
            self.reading.problem(error.code, str(error), self.text, error.line)
            return
        if isinstance(inline, Mapping):
            read_environment(inline, self.text, self.reading)
        else:
            self.reading.problem("not_conda", "`conda_file` holds no environment", self.text, node.line)

    def file_as(self, name: str, node: Scalar) -> None:
        from gate.environment.reader import read_as  # noqa: PLC0415 - the readers know one another through it alone

        target = self.reading.locate(node.text.strip().removeprefix("file:"), self.folder)
        if target is None:
            self.missing(node)
        elif target not in self.reading.files:
            nested = self.reading.load(target, self.text.path, node.line)
            if nested is not None:
                read_as(name, nested, self.reading)

    def requirements(self, node: Scalar) -> None:
        self.file_as("requirements", node)

    def build(self, node: Node) -> None:
        """Read a build context: the Dockerfile in it, with the context as the folder that `COPY` starts from."""
        if isinstance(node, Scalar):
            path, dockerfile = node, "Dockerfile"
        elif isinstance(node, Mapping) and (given := node.text("path") or node.text("context")):
            path = given
            name = node.text("dockerfile_path") or node.text("dockerfile")
            dockerfile = name.text.strip() if name and not has_template(name.text) else "Dockerfile"
        else:
            self.reading.problem("no_build_path", "`build` names no path", self.text, node.line)
            return
        context = path.text.strip()
        if has_template(context):
            context = aml_asset.context_of(self.text, path.line, self.reading)
        self.dockerfile(context, dockerfile, path)

    def dockerfile(self, context: str, dockerfile: str, path: Scalar) -> None:
        from gate.environment.reader import reader  # noqa: PLC0415 - as above

        folder = posixpath.normpath(posixpath.join(self.folder, context)) if context else ""
        target = self.reading.locate(dockerfile, folder) if context else None
        if target is None:
            self.missing(path)
            return
        with self.reading.including(target, self.text, path.line) as nested:
            if nested is not None:
                reader("dockerfile").read_in(nested, self.reading, [folder])

    def command(self, value: Scalar, code: Scalar | None) -> None:
        """Read a job's command line, which runs in the folder of its code: what it installs, each start installs."""
        if not _INSTALLS.search(value.text):
            return
        from gate.environment.reader import reader  # noqa: PLC0415 - as above
        from gate.environment.shell.script import run_script  # noqa: PLC0415 - the grammar loads when it is needed
        from gate.environment.stage import Copied, Stage  # noqa: PLC0415 - as above

        folder = posixpath.normpath(posixpath.join(self.folder, code.text.strip())) if code else self.folder
        stage = Stage(copies=[Copied(sources=(".",), target=".")])
        session = reader("dockerfile").session_of(self.text, self.reading, stage, [folder])
        run_script(_OPTIONAL.sub(r"\1", value.text), value.line + value.block, session)


def split_registered(name: str) -> tuple[str, str]:
    """Split a registered asset's address into name and version or label."""
    if match := re.fullmatch(r"(azureml:[^:/@]+)[:@](.+)", name):
        return match[1], match[2]
    if match := re.fullmatch(r"(azureml://.+?)/(?:versions|labels)/(.+)", name):
        return match[1], match[2]
    return name, ""
