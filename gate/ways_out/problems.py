"""What the codes of reading problems mean and what to do about each: the one place where they become words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.policy.rule import Explanation

if TYPE_CHECKING:
    from collections.abc import Mapping

_BOUND = "hand in a smaller definition, or raise the bound (`GATE_BOUND_…`) if the file is sound"
_FORM = "mend the line as the format's own documentation has it"
_PLACE = "name the file itself, or put it inside the folder that is handed in"
_KIND = "hand in the file under the name that its tool gives it, or name another file"
_EMPTY = "hand in the file that declares the environment"


def _said(reason: str, way_out: str) -> Explanation:
    return Explanation(reason=reason, way_out=way_out)


PROBLEMS: Mapping[str, Explanation] = {
    # Which file it is, and whether there is anything in it.
    "empty": _said("the file says nothing", _EMPTY),
    "no_dependencies": _said("the file has no list of dependencies", _EMPTY),
    "no_environment": _said("the file declares no environment", _EMPTY),
    "nothing_declared": _said("nothing is declared here, which proves nothing", _EMPTY),
    "nothing_found": _said("no environment definition was found", _EMPTY),
    "no_such_file": _said("the file is not there", _PLACE),
    "missing_constraint": _said("the file of constraints is not there", _PLACE),
    "no_build_path": _said("the build names no folder", "name the folder of the Dockerfile as `build: {path: …}`"),
    "outside_root": _said("the file lies outside the folder that was handed in", _PLACE),
    "unknown_format": _said("the file has no format of environment definitions that is known", _KIND),
    "not_text": _said("the file is no text", "save the file as UTF-8"),
    "unreadable": _said("the file can't be opened", "let the one who checks read the file"),
    "template_path": _said("the path is a template", "hand in the rendered file"),
    # The file is not what its name or its first lines promise.
    "not_a_lock": _said("the file is no lock file", "write it again with the tool that locks"),
    "not_aml": _said("the file is no Azure Machine Learning definition", _FORM),
    "not_conda": _said("the file is no conda environment", _FORM),
    "not_conda_lock": _said("the file is no conda-lock file", "write it again with `conda-lock`"),
    "not_mlflow": _said("the file is no MLflow model", "log the model again"),
    "not_pixi_lock": _said("the file is no pixi lock file", "write it again with `pixi lock`"),
    "unknown_version": _said("the format's version is not known", "write the file in a version that is known"),
    # One line of it.
    "before_from": _said("an instruction stands before the first `FROM`", _FORM),
    "encoding": _said("the file names an encoding that it is not written in", "save the file as UTF-8"),
    "installs_at_start": _said(
        "the container installs something whenever it starts, which no check of the image can see",
        "install it in a `RUN`, so that it is in the image",
    ),
    "reader_failed": _said("the reader of this format failed, so that nothing was read", "report this with the file"),
    "dockerfile_invalid": _said("Docker can't read the Dockerfile", _FORM),
    "dynamic_dependencies": _said("the build computes the dependencies", "list them in the file"),
    "invalid_explicit": _said("a line is no address of a conda package", _FORM),
    "invalid_matchspec": _said("a line is no conda match specification", _FORM),
    "invalid_option": _said("an option can't be read", _FORM),
    "invalid_requirement": _said("a line is no requirement", _FORM),
    "no_from": _said("the Dockerfile has no `FROM`", _FORM),
    "pipfile_invalid": _said("the Pipfile or its lock can't be read", _FORM),
    "script_invalid": _said("the script's block of dependencies can't be read", _FORM),
    "toml_invalid": _said("the file is no TOML", _FORM),
    "unknown_instruction": _said("Docker has no such instruction", _FORM),
    "unknown_option": _said("pip has no such option", _FORM),
    "unknown_section": _said("the installer is not known", "move its packages to a section that is known"),
    "yaml_alias": _said("an alias names no anchor before it, or holds itself", _FORM),
    "yaml_documents": _said("the file holds more than one YAML document", "keep one document a file"),
    "yaml_duplicate_key": _said("a key stands twice, and tools differ in which they take", "keep one of them"),
    "yaml_invalid": _said("the file is no YAML", _FORM),
    "yaml_key": _said("a key is no text", "quote the key, and quote templates"),
    "yaml_merge": _said("something else than a mapping is merged", _FORM),
    "yaml_tag": _said("a tag asks the reader to make an object", "take the tag out"),
    "shell_not_understood": _said("a part of a command could not be read", "write it as plain commands"),
    # conda's own additions.
    "implicit_defaults": _said("conda may add the channel `defaults` by itself", "list `nodefaults` as a channel"),
    # Bounds.
    "file_too_large": _said("the file is larger than the bound", _BOUND),
    "include_cycle": _said("the file includes itself", "take the include out"),
    "line_too_long": _said("a line is longer than the bound", _BOUND),
    "loop_too_long": _said("a loop has more rounds than the bound", "write the loop's commands out, or shorten it"),
    "script_too_long": _said("a script is longer than the bound", "put it into a file that the build context has"),
    "word_too_long": _said("a word is longer than the bound", "shorten it"),
    "shell_too_deep": _said("scripts are nested deeper than the bound", "write the commands out"),
    "too_deep": _said("the nesting is deeper than the bound", _BOUND),
    "too_many_commands": _said("a script has more commands than the bound", "split the instruction"),
    "too_many_files": _said("there are more files than the bound", _BOUND),
    "too_many_references": _said("there are more references than the bound", _BOUND),
    "yaml_too_deep": _said("the YAML is nested deeper than the bound", _BOUND),
    "yaml_too_large": _said("the YAML has more nodes than the bound", _BOUND),
}

_FALLBACK = Explanation(reason="reading met a problem", way_out=_FORM)


def explain_problem(code: str) -> Explanation:
    """Return the words for a code; one that nobody explained still yields a sentence and a way out."""
    return PROBLEMS.get(code, _FALLBACK)
