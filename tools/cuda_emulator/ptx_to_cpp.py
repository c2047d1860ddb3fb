#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Translates the kernels of a CUDA program to C++: ptx_to_cpp.py PROGRAM OUT.cpp

PROGRAM is an ELF file built by nvcc --no-compress, or PTX. OUT.cpp includes kernels.hpp and defines
the table of kernel_table.hpp. A kernel with a statement that is not translated fails when it is
launched, with one line that has the statement.
"""

import json
import pathlib
import re
import sys
from dataclasses import dataclass

# What an instruction, without its types, writes to its first operand. $1, $2, ... are the other
# operands in its last type, $1:u32 in a given type, $1:bits as unsigned integers unless they are
# floats; $type is its first type.
EXPRESSIONS = {
    "abs": "absolute($1)",
    "add": "$1:bits + $2:bits",
    "add.cc": "add_carry($1, $2, false, &$carry)",
    "add.rn": "$1 + $2",
    "addc": "add_carry($1, $2, $carry)",
    "addc.cc": "add_carry($1, $2, $carry, &$carry)",
    "and": "$1 & $2",
    "bfi": "insert_bits($1, $2, $3:u32, $4:u32)",
    "clz": "std::countl_zero($1)",
    "cvt": "convert<$type>($1)",
    "cvt.rn": "convert<$type>($1)",
    "cvt.rn.bf16": "bfloat16_of($1)",
    "cvt.rn.bf16x2": "pack(bfloat16_of($2), bfloat16_of($1))",
    "cvt.rni": "convert<$type>(std::nearbyint($1))",
    "cvt.rzi": "convert<$type>(std::trunc($1))",
    "cvt.sat.f32.f32": "saturate($1)",
    "cvta.to.global": "$1",
    "div": "quotient($1, $2)",
    "div.approx": "$1 / $2",
    "div.rn": "$1 / $2",
    "ex2.approx": "std::exp2($1)",
    "ex2.approx.ftz": "std::exp2($1)",
    "fma.rm": "fma_down($1, $2, $3)",
    "fma.rn": "std::fma($1, $2, $3)",
    "lg2.approx": "std::log2($1)",
    "mad.lo": "1u * $1:bits * $2:bits + $3:bits",
    "mad.lo.cc": "add_carry($1:bits * $2:bits, $3:bits, false, &$carry)",
    "madc.hi": "add_carry(high_product($1, $2), $3, $carry)",
    "madc.hi.cc": "add_carry(high_product($1, $2), $3, $carry, &$carry)",
    "madc.lo.cc": "add_carry($1:bits * $2:bits, $3:bits, $carry, &$carry)",
    "max": "maximum($1, $2)",
    "min": "minimum($1, $2)",
    "mul": "$1 * $2",
    "mul.hi": "high_product($1, $2)",
    "mul.lo": "1u * $1:bits * $2:bits",
    "mul.rn": "$1 * $2",
    "mul.wide": "product($1, $2)",
    "neg": "-$1:bits",
    "not": "~$1",
    "not.pred": "!$1",
    "or": "$1 | $2",
    "prmt": "permute($1, $2, $3)",
    "rcp.approx.ftz.f64": "reciprocal_approximately($1)",
    "rcp.rn": "1 / $1",
    "rem": "remainder_of($1, $2)",
    "rsqrt.approx": "1 / std::sqrt($1)",
    "selp": "$3:pred ? $1 : $2",
    "setp.eq": "$1 == $2",
    "setp.ge": "$1 >= $2",
    "setp.geu": "!($1 < $2)",
    "setp.gt": "$1 > $2",
    "setp.gtu": "!($1 <= $2)",
    "setp.le": "$1 <= $2",
    "setp.leu": "!($1 > $2)",
    "setp.lt": "$1 < $2",
    "setp.ltu": "!($1 >= $2)",
    "setp.nan": "$1 != $1 || $2 != $2",
    "setp.ne": "$1 < $2 || $1 > $2",  # of floats, both numbers
    "setp.neu": "$1 != $2",
    "setp.num": "$1 == $1 && $2 == $2",
    "shf.l.wrap": "static_cast<u32>(pack($1, $2) << ($3 & 31) >> 32)",
    "shl": "shift_left($1, $2:u32)",
    "shr": "shift_right($1, $2:u32)",
    "sqrt.rn": "std::sqrt($1)",
    "sub": "$1:bits - $2:bits",
    "sub.cc": "subtract_borrow($1, $2, false, &$carry)",
    "subc": "subtract_borrow($1, $2, $carry)",
    "subc.cc": "subtract_borrow($1, $2, $carry, &$carry)",
    "xor": "$1 ^ $2",
}

TYPE = r"[bsu](?:8|16|32|64)|f(?:32|64)|pred"
POINTER = r"(?:\.ptr\s+(?:\.\w+\s+)?(?:\.align\s+\d+\s+)?)?"  # what a parameter points to
DECLARED = rf"\s+(?:\.align\s+(\d+)\s+)?\.({TYPE})\s+{POINTER}([\w$]+)(?:\[(\d+)\])?"
MEMORY = re.compile(rf"\.(param|shared|local){DECLARED}")
INTEGER = r"-?(?:0x[0-9A-Fa-f]+|\d+)U?"
VALUES = rf"\{{\s*{INTEGER}(?:\s*,\s*{INTEGER})*\s*\}}"
VARIABLE = re.compile(rf"\.(global|const){DECLARED}\s*(?:=\s*({VALUES}))?\s*;")
REGISTERS = re.compile(rf"\.reg\s+\.({TYPE})\s+(.*)", re.DOTALL)
FUNCTION = re.compile(r"\.(entry|func)\s*(?:\(([^)]*)\)\s*)?([\w$]+)\s*\(([^)]*)\)[^{;]*([{;])")
STATEMENT = re.compile(r"\s*(?:([{}])|([\w$]+):|([^;]*?)\s*;)")
INSTRUCTION = re.compile(r"(?:@(!?)(%\w+)\s+)?(\S+)\s*(.*)", re.DOTALL)
ACCESS = re.compile(r"(?:ld|st)(?:\.(global|shared|local|param))?(\.nc)?(\.v[248])?")
OPERAND = re.compile(r"\(.*?\)|\{.*?\}|\[.*?\]|[^,\s]+", re.DOTALL)


class Untranslated(ValueError):
    """A statement that is not translated."""


@dataclass
class Symbol:
    """What stands for a name in C++, and how that is declared, if it has to be."""

    text: str
    declaration: str = ""
    used: bool = False


@dataclass
class Memory:
    """A parameter, a variable or an array."""

    space: str
    alignment: int
    type: str
    name: str
    count: int

    @staticmethod
    def of(match):
        """What a match of MEMORY or VARIABLE declares."""
        if not match:
            raise Untranslated
        space, alignment, type_name, name, count = match.groups()[:5]
        alignment = int(alignment or bytes_of(type_name))
        if alignment.bit_count() != 1:
            raise Untranslated
        return Memory(space, alignment, type_name, name, int(count or 1))

    def bytes(self):
        return self.count * bytes_of(self.type)

    def declaration(self, name):
        return f"alignas({self.alignment}) {self.type} {name}[{self.count}]"


def bytes_of(type_name):
    return 1 if type_name == "pred" else int(type_name[1:]) // 8


def aligned(offset, alignment):
    return -(-offset // alignment) * alignment


def cpp_name(name):
    return re.sub(r"\W", "", name)


def label_name(name):
    return f"at_{cpp_name(name)}"


def names_in(text):
    return re.findall(r"[%\w$]+", text)


class Body:
    """Translates the statements of a kernel or of a function."""

    def __init__(self, module_scope, is_kernel):
        self.is_kernel = is_kernel
        self.scopes = [module_scope, {}]
        self.symbols = []
        self.lines = []
        self.shared_bytes = 0
        self.waits = 0
        self.labels = set()
        self.jumps = {}  # a statement for each label
        self.statement = ""
        self.add("carry", "carry", "pred carry = false;")
        if is_kernel:
            for i, axis in enumerate("xyz"):
                self.add(f"%tid.{axis}", f"tid[{i}]")
                self.add(f"%ntid.{axis}", f"b.launched.block[{i}]")
                self.add(f"%ctaid.{axis}", f"b.index[{i}]")
                self.add(f"%nctaid.{axis}", f"b.launched.grid[{i}]")

    def translate(self, text):
        end = 0
        for match in STATEMENT.finditer(text):
            brace, label, statement = match.groups("")
            self.statement = statement or match[0]
            if match.start() != end:
                self.statement = text[end : match.end()]
                raise Untranslated
            end = match.end()
            if brace == "{":
                self.scopes.append({})
            elif brace:
                self.scopes.pop()
            elif label:
                self.define(label_name(label))
            elif statement.startswith("."):
                self.declare(statement)
            else:
                self.instruct(statement)
        self.statement = text[end:]
        if self.statement.strip():
            raise Untranslated
        for label, self.statement in self.jumps.items():
            if label not in self.labels:
                raise Untranslated

    def declarations(self):
        return [symbol.declaration for symbol in self.symbols if symbol.used and symbol.declaration]

    def add(self, name, text, declaration=""):
        symbol = Symbol(text, declaration)
        self.scopes[-1][name] = symbol
        self.symbols.append(symbol)

    def lookup(self, name):
        for scope in reversed(self.scopes):
            if symbol := scope.get(name):
                symbol.used = True
                return symbol.text
        raise Untranslated

    def cpp_name(self, name):
        """One that no other symbol has."""
        return f"{cpp_name(name)}_{len(self.symbols)}"

    def declare(self, text):
        if text.startswith(".pragma"):
            return
        if match := REGISTERS.fullmatch(text):
            for name, count in re.findall(r"([%\w$]+)(?:<(\d+)>)?", match[2]):
                for register in [f"{name}{i}" for i in range(int(count))] if count else [name]:
                    cpp = self.cpp_name(register)
                    self.add(register, cpp, f"{match[1]} {cpp};")
            return
        memory = Memory.of(MEMORY.fullmatch(text))
        if memory.space == "shared":
            offset = aligned(self.shared_bytes, memory.alignment)
            self.shared_bytes = offset + memory.bytes()
            self.add(memory.name, f"{offset}u")
        else:
            cpp = self.cpp_name(memory.name)
            self.add(memory.name, f"address_of({cpp})", f"{memory.declaration(cpp)};")

    def define(self, label):
        if label in self.labels:
            raise Untranslated
        self.labels.add(label)
        self.lines.append(f"{label}:;")

    def instruct(self, text):
        negated, guard, opcode, rest = INSTRUCTION.fullmatch(text).groups()
        operands = OPERAND.findall(rest)
        parts = opcode.split(".")
        types = [part for part in parts if re.fullmatch(TYPE, part)]
        name = ".".join(part for part in parts if part not in types)
        if guard:
            self.lines.append(f"if ({negated}{self.lookup(guard)}) {{")
        if expression := EXPRESSIONS.get(opcode) or EXPRESSIONS.get(name):
            if len(operands) != 1 + len(set(re.findall(r"\$\d", expression))):
                raise Untranslated
            self.put(operands[0], self.expand(expression, types, operands))
        elif handler := getattr(self, f"instruct_{parts[0]}", None):
            handler(name, types, operands)
        else:
            raise Untranslated
        if guard:
            self.lines.append("}")

    def put(self, register, expression):
        self.lines.append(f"put({self.lookup(register)}, {expression});")

    def expand(self, expression, types, operands):
        def replacement(match):
            what, wanted = match.groups()
            if what == "type":
                return types[0]
            if what == "carry":
                return self.lookup("carry")
            if wanted == "bits":
                wanted = re.sub("[su]", "b", types[-1])
            return self.operand(operands[int(what)], wanted or types[-1])

        return re.sub(r"\$(\d|type|carry)(?::(\w+))?", replacement, expression)

    def operand(self, text, type_name):
        if match := re.fullmatch(r"0[fd]([0-9A-F]+)", text, re.IGNORECASE):
            if len(match[1]) != 2 * bytes_of(type_name):
                raise Untranslated
            value = int(match[1], 16)
        elif re.fullmatch(INTEGER, text) and type_name not in ("f32", "f64"):
            value = int(text.rstrip("U"), 0)
        else:
            return f"as<{type_name}>({self.lookup(text)})"
        return f"as<{type_name}>({value % 2**64:#x}u)"

    def instruct_mov(self, name, types, operands):
        to, source = operands
        whole = f"b{8 * bytes_of(types[0])}"
        half = f"b{4 * bytes_of(types[0])}"
        if to.startswith("{"):
            low, high = names_in(to)
            self.put(low, f"part<{half}>({self.operand(source, whole)}, 0)")
            self.put(high, f"part<{half}>({self.operand(source, whole)}, 1)")
        elif source.startswith("{"):
            low, high = names_in(source)
            self.put(to, f"pack({self.operand(low, half)}, {self.operand(high, half)})")
        else:
            self.put(to, self.operand(source, types[0]))

    def instruct_ld(self, name, types, operands):
        registers = names_in(operands[0])
        self.open_access("from", name, types[0], operands[1], len(registers))
        for i, register in enumerate(registers):
            self.put(register, f"load<{types[0]}>(from + {i * bytes_of(types[0])})")
        self.lines.append("}")

    def instruct_st(self, name, types, operands):
        values = names_in(operands[1])
        self.open_access("to", name, types[0], operands[0], len(values))
        for i, value in enumerate(values):
            value = self.operand(value, types[0])
            self.lines.append(f"store(to + {i * bytes_of(types[0])}, {value});")
        self.lines.append("}")

    def open_access(self, variable, name, type_name, operand, count):
        """Opens a C++ scope in which a variable has the operand's address."""
        instruction = ACCESS.fullmatch(name)
        place = re.fullmatch(r"\[([%\w$]+)(?:\+(-?\d+))?\]", operand)
        if not instruction or not place:
            raise Untranslated
        address = f"{self.operand(place[1], 'u64')} + {place[2] or 0}"
        if instruction[1] in ("global", "shared"):
            address = f"b.{instruction[1]}_address({address}, {count * bytes_of(type_name)})"
        self.lines.append(f"{{ const u64 {variable} = {address};")

    def instruct_bra(self, name, types, operands):
        label = label_name(operands[0])
        self.jumps[label] = self.statement
        self.lines.append(f"goto {label};")

    def instruct_ret(self, name, types, operands):
        self.lines.append("return state::ended;" if self.is_kernel else "return;")

    def instruct_call(self, name, types, operands):
        [function] = [operand for operand in operands if not operand.startswith("(")]
        lists = [operand for operand in operands if operand != function]
        arguments = [self.lookup(name) for name in names_in(" ".join(lists))]
        callee = self.lookup(f"{function}({len(arguments)})")
        self.lines.append(f"{callee}({', '.join(['b', *arguments])});")

    def instruct_bar(self, name, types, operands):
        if name != "bar.sync" or operands != ["0"]:
            raise Untranslated
        self.wait("at_barrier")

    def instruct_shfl(self, name, types, operands):
        function = {"shfl.sync.down": "shuffle_down", "shfl.sync.bfly": "shuffle_xor"}.get(name)
        if not function:
            raise Untranslated
        arguments = [self.operand(operand, "u32") for operand in operands[1:]]
        self.lines.append(f"{function}({', '.join(arguments)});")
        self.wait("at_exchange")
        for register, result in zip(operands[0].split("|"), ("received[0]", "in_range")):
            self.put(register, result)

    def instruct_mma(self, name, types, operands):
        if name != "mma.sync.aligned.m16n8k16.row.col.bf16.bf16" or types != ["f32", "f32"]:
            raise Untranslated
        to, *given = (names_in(operand) for operand in operands)
        if [len(to), *map(len, given)] != [4, 4, 2, 4]:
            raise Untranslated
        arguments = [self.operand(name, "u32") for registers in given for name in registers]
        self.exchange("multiply", arguments, to)

    def instruct_ldmatrix(self, name, types, operands):
        match = re.fullmatch(r"ldmatrix\.sync\.aligned\.m8n8\.x4(\.trans)?\.shared", name)
        to, place = map(names_in, operands)
        if not match or types != ["b16"] or len(to) != 4 or len(place) != 1:
            raise Untranslated
        address = f"b.shared_address({self.operand(place[0], 'u32')}, 16)"
        function = "load_transposed" if match[1] else "load_matrices"
        self.exchange(function, [address], to)

    def exchange(self, function, arguments, to):
        """What all lanes of a warp do together; each has results in some registers."""
        self.lines.append(f"{function}({', '.join(arguments)});")
        self.wait("at_exchange")
        for i, register in enumerate(to):
            self.put(register, f"received[{i}]")

    def wait(self, state):
        if not self.is_kernel:
            raise Untranslated
        self.waits += 1
        self.lines.append(f"resume_at = {self.waits}; return state::{state}; case {self.waits}:;")


@dataclass
class Kernel:
    """What kernel_table.hpp has of a kernel."""

    name: str
    run: str  # in C++
    offsets: list
    sizes: list
    parameter_bytes: int = 0
    shared_bytes: int = 0

    def place(self, parameter):
        offset = aligned(self.parameter_bytes, parameter.alignment)
        self.offsets.append(offset)
        self.sizes.append(parameter.bytes())
        self.parameter_bytes = offset + parameter.bytes()
        return offset


class Translation:
    """The C++ of the kernels of some modules, each name once."""

    def __init__(self):
        self.variables = []
        self.code = []
        self.kernels = {}

    def add_module(self, ptx):
        ptx = re.sub(r"//.*", "", ptx)
        scope = {}
        for match in VARIABLE.finditer(ptx):
            name = f"variable{len(self.variables)}"
            try:
                memory = Memory.of(match)
            except Untranslated:
                continue  # nor are the kernels that use it
            declaration = f"{memory.declaration(name)} = {match[6] or '{}'};"
            scope[memory.name] = Symbol(f"address_of(variables.{name})", declaration)
            self.variables.append(scope[memory.name])
        defined = [match for match in FUNCTION.finditer(ptx) if match[5] == "{"]
        for match in defined:
            if match[1] == "func":
                self.add_function(match, scope)
        for match in defined:
            if match[1] == "entry" and match[3] not in self.kernels:
                self.add_kernel(match, scope)

    def add_function(self, match, scope):
        body = Body(scope, is_kernel=False)
        name = f"function{len(self.code)}"
        arguments = ["const block& b"]
        try:
            for text in [match[2] or "", *match[4].split(",")]:
                if text.strip():
                    argument = f"parameter{len(arguments)}"
                    body.add(Memory.of(MEMORY.fullmatch(text.strip())).name, argument)
                    arguments.append(f"u64 {argument}")
            body.translate(text_in_braces(match))
        except (ValueError, IndexError):
            return  # the kernels that call it are not translated either
        scope[f"{match[3]}({len(arguments) - 1})"] = Symbol(name)
        self.code.append(f"void {name}({', '.join(arguments)}) {{")
        self.code += [*body.declarations(), *body.lines, "}"]

    def add_kernel(self, match, scope):
        body = Body(scope, is_kernel=True)
        struct = f"kernel{len(self.kernels)}"
        kernel = self.kernels[match[3]] = Kernel(match[3], f"run_kernel<{struct}>", [], [])
        try:
            for body.statement in filter(None, map(str.strip, match[4].split(","))):
                parameter = Memory.of(MEMORY.fullmatch(body.statement))
                body.add(parameter.name, f"b.parameters + {kernel.place(parameter)}")
            body.statement = "a body without an end"
            body.translate(text_in_braces(match))
        except (ValueError, IndexError):
            why = " ".join(body.statement.split()) + " is not translated"
            kernel.run = f"[](const launch&) {{ fail({quoted(kernel.name)}, {quoted(why)}); }}"
            return
        kernel.shared_bytes = body.shared_bytes
        self.code += [
            f"struct {struct} : thread {{",
            f"static constexpr const char* name = {quoted(kernel.name)};",
            f"static constexpr u32 shared_bytes = {body.shared_bytes};",
        ]
        step = "state step(const block& b) {"
        if body.waits:  # its registers last from step to step
            self.code += [*body.declarations(), step, "switch (resume_at) { case 0:;"]
            self.code += [*body.lines, "}"]
        else:
            self.code += [step, *body.declarations(), *body.lines]
        self.code += ["return state::ended;", "}", "};"]

    def cpp(self):
        offsets, sizes, rows = [], [], []
        for k in self.kernels.values():
            places = f"{len(k.sizes)}, offsets + {len(sizes)}, sizes + {len(sizes)}"
            rows.append(
                f"{{{quoted(k.name)}, {places}, {k.parameter_bytes}, {k.shared_bytes}, {k.run}}},"
            )
            offsets += k.offsets
            sizes += k.sizes
        lines = [
            '#include "kernels.hpp"',
            "namespace emulator {",
            "namespace {",
            "struct {",
            *(symbol.declaration for symbol in self.variables if symbol.used),
            "} variables;",
            "const std::span<const std::byte> module_variables{",
            "    reinterpret_cast<const std::byte*>(&variables), sizeof(variables)};",
            *self.code,
            f"const u32 offsets[] = {{{', '.join(map(str, offsets or [0]))}}};",
            f"const u32 sizes[] = {{{', '.join(map(str, sizes or [0]))}}};",
            "}",
            "}",
            "using namespace emulator;",
            f"const kernel emulator_kernels[] = {{{' '.join(rows)}}};",
            f"const std::uint32_t emulator_kernel_count = {len(rows)};",
        ]
        return "\n".join(lines) + "\n"


def quoted(text):
    return json.dumps(text)


def text_in_braces(match):
    """What the brace at the end of a match encloses."""
    depth = 0
    for brace in re.compile("[{}]").finditer(match.string, match.end() - 1):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return match.string[match.end() : brace.start()]
    raise Untranslated


def main():
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} PROGRAM OUT.cpp")
    program, out = map(pathlib.Path, sys.argv[1:])
    modules = re.findall(rb"\.version \d+\.\d+\s+\.target [^\0]*", program.read_bytes())
    translation = Translation()
    for module in modules:
        translation.add_module(module.decode("ascii", "replace"))
    if not translation.kernels:
        sys.exit(f"{program}: no kernels in uncompressed PTX (nvcc --no-compress)")
    out.write_text(translation.cpp(), encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(f"{sys.argv[0]}: {error}")
