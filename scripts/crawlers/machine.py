"""Turns the tree of a pattern into a deterministic machine that searches a whole user agent: one step for each
byte, whatever the bytes are. State 0 is dead, 1 has found a match, 2 is where it begins."""

from crawlers.pattern import ALL, Unknown

DEAD, FOUND, START = 0, 1, 2
STATES_MAX = 256


class Graph:
    """The nondeterministic machine: edges without a byte, bound to an end of the text or not, and with one."""

    def __init__(self, tree):
        self.free, self.begin, self.end, self.step = [], [], [], []
        self.first, self.last = self.node(), self.node()
        self.add(tree, self.first, self.last)

    def node(self):
        for edges in (self.free, self.begin, self.end, self.step):
            edges.append([])
        return len(self.free) - 1

    def add(self, tree, source, target):
        if isinstance(tree, frozenset):
            self.step[source].append((tree, target))
            return
        kind = tree[0]
        if kind in ("begin", "end"):
            (self.begin if kind == "begin" else self.end)[source].append(target)
        elif kind == "sequence":
            for part in tree[1]:
                node = self.node()
                self.add(part, source, node)
                source = node
            self.free[source].append(target)
        elif kind == "choice":
            for part in tree[1]:
                self.add(part, source, target)
        else:
            self.add_repeat(tree, source, target)

    def add_repeat(self, tree, source, target):
        _, part, least, many = tree
        inner, outer = self.node(), self.node()
        self.free[source].append(inner)
        self.add(part, inner, outer)
        self.free[outer].append(target)
        if least == 0:
            self.free[source].append(target)
        if many:
            self.free[outer].append(inner)

    def close(self, nodes, *kinds):
        """What is reached without a byte."""
        reached, waiting = set(nodes), list(nodes)
        while waiting:
            node = waiting.pop()
            for edges in (self.free, *kinds):
                waiting += [target for target in edges[node] if target not in reached]
                reached.update(edges[node])
        return frozenset(reached)

    def byte_classes(self):
        """For each byte a number; bytes with one number are alike to this graph."""
        sets = [members for edges in self.step for members, _ in edges]
        kinds = {}
        return [kinds.setdefault(tuple(byte in members for members in sets), len(kinds)) for byte in sorted(ALL)]


def determine(graph, classes):
    """Rows of states: for each class of bytes the next state, then, for the text's end, FOUND or DEAD."""
    samples = [classes.index(number) for number in range(max(classes) + 1)]
    again = graph.close([graph.first])
    begin = graph.close([graph.first], graph.begin)
    if graph.last in graph.close(begin, graph.end, graph.begin):
        raise Unknown("matches the empty text")
    numbers = {begin: START}
    rows = [[DEAD] * (len(samples) + 1), [FOUND] * (len(samples) + 1)]
    waiting = [begin]
    while waiting:
        nodes = waiting.pop(0)
        row = []
        for byte in samples:
            moved = [target for node in nodes for members, target in graph.step[node] if byte in members]
            reached = graph.close(moved) | again
            if graph.last in reached:
                row.append(FOUND)
                continue
            if reached not in numbers:
                numbers[reached] = len(numbers) + START
                waiting.append(reached)
            row.append(numbers[reached])
        row.append(FOUND if graph.last in graph.close(nodes, graph.end) else DEAD)
        rows.append(row)
        if len(rows) > 4 * STATES_MAX:
            raise Unknown("needs too many states")
    return rows


def merge_alike(rows):
    """The same machine with as few states as can be."""
    group = [int(state == FOUND) for state in range(len(rows))]
    while True:
        looks = {}
        refined = [
            looks.setdefault((group[state], tuple(group[target] for target in row)), len(looks))
            for state, row in enumerate(rows)
        ]
        if len(set(refined)) == len(set(group)):
            return [[group[target] for target in rows[group.index(number)]] for number in range(max(group) + 1)]
        group = refined


def compile_tree(tree):
    """The classes of the 256 bytes and the rows of states."""
    graph = Graph(tree)
    classes = graph.byte_classes()
    rows = merge_alike(determine(graph, classes))
    if len(rows) > STATES_MAX:
        raise Unknown("needs too many states")
    if len(rows) <= START:
        raise Unknown("can never match")
    return classes, rows
