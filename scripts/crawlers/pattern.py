"""Reads a regular expression of the package into a tree. What this file does not know is refused, so that a new
version of the package cannot silently match something else.

The tree: a set of bytes (a frozenset), ("sequence", parts), ("choice", parts), ("repeat", part, least, many),
BEGIN and END. Bytes and not characters: user agents are bytes."""

BEGIN, END = ("begin",), ("end",)

DIGITS = frozenset(b"0123456789")
BLANKS = frozenset(b" \t\n\r\f\v")
WORDS = DIGITS | frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
ALL = frozenset(range(256))
CLASSES = {"d": DIGITS, "D": ALL - DIGITS, "s": BLANKS, "S": ALL - BLANKS, "w": WORDS, "W": ALL - WORDS}
QUANTIFIERS = {"?": (0, False), "*": (0, True), "+": (1, True)}


class Unknown(Exception):
    """A construct that the compiler does not know."""


class Reader:
    def __init__(self, pattern):
        if not pattern.isascii() or not pattern.isprintable():
            raise Unknown("has characters outside printable ASCII")
        self.pattern = pattern
        self.at = 0

    def peek(self):
        return self.pattern[self.at : self.at + 1]

    def take(self):
        char = self.peek()
        if not char:
            raise Unknown("ends too early")
        self.at += 1
        return char

    def choice(self):
        parts = [self.sequence()]
        while self.peek() == "|":
            self.take()
            parts.append(self.sequence())
        return parts[0] if len(parts) == 1 else ("choice", parts)

    def sequence(self):
        parts = []
        while self.peek() and self.peek() not in "|)":
            parts.append(self.quantified(self.atom()))
        return ("sequence", parts)

    def quantified(self, part):
        if not self.peek() or self.peek() not in QUANTIFIERS:
            return part
        if part in (BEGIN, END):
            raise Unknown("repeats an anchor")
        least, many = QUANTIFIERS[self.take()]
        if self.peek() and self.peek() in QUANTIFIERS:
            raise Unknown("has a lazy or doubled quantifier")
        return ("repeat", part, least, many)

    def atom(self):
        char = self.take()
        if char == "(":
            return self.group()
        if char == "[":
            return self.byte_class()
        if char == "\\":
            return self.escape()
        if char in "?*+{}]":
            raise Unknown(f"has a bare {char}")
        anchors = {"^": BEGIN, "$": END, ".": ALL - frozenset(b"\n")}
        return anchors.get(char, frozenset(char.encode()))

    def group(self):
        if self.peek() == "?":
            raise Unknown("has a group of a special kind")
        inside = self.choice()
        if self.take() != ")":
            raise Unknown("has an open group")
        return inside

    def escape(self):
        char = self.take()
        if char in CLASSES:
            return CLASSES[char]
        if char.isalnum():
            raise Unknown(f"has the escape \\{char}")
        return frozenset(char.encode())

    def member(self):
        char = self.take()
        if char == "[":
            raise Unknown("has [ within a class")
        return self.escape() if char == "\\" else frozenset(char.encode())

    def byte_class(self):
        negated = self.peek() == "^"
        if negated:
            self.take()
        if self.peek() == "]":
            raise Unknown("has a class that begins with ]")
        members = frozenset()
        while self.peek() != "]":
            first = self.member()
            if self.peek() == "-" and self.pattern[self.at + 1 : self.at + 2] != "]":
                self.take()
                first = byte_range(first, self.member())
            members |= first
        self.take()
        return ALL - members if negated else members


def byte_range(first, last):
    if len(first) != 1 or len(last) != 1 or min(first) > min(last):
        raise Unknown("has a range without two ends")
    return frozenset(range(min(first), min(last) + 1))


def read(pattern):
    reader = Reader(pattern)
    tree = reader.choice()
    if reader.peek():
        raise Unknown("closes a group that is not open")
    return tree


def least_width(tree):
    """How many bytes a match has at least."""
    if isinstance(tree, frozenset):
        return 1
    if tree[0] == "sequence":
        return sum(least_width(part) for part in tree[1])
    if tree[0] == "choice":
        return min(least_width(part) for part in tree[1])
    return tree[2] * least_width(tree[1]) if tree[0] == "repeat" else 0


def literal_of(tree):
    """The bytes that the whole pattern stands for when it is a plain text, else None."""
    if tree[0] != "sequence" or any(not isinstance(part, frozenset) or len(part) != 1 for part in tree[1]):
        return None
    return bytes(min(part) for part in tree[1])
