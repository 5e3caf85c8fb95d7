"""What ctypes is used for without libraries: layouts, memory, functions made of Python code. Prints the same on every system
where int has 32 bits and the byte order is little; sizes of long and of pointers are not told."""
import copy
import ctypes
import pickle


class Point(ctypes.Structure):
    _fields_ = [("x", ctypes.c_int16), ("y", ctypes.c_double)]


class Word(ctypes.Union):
    _fields_ = [("whole", ctypes.c_uint32), ("bytes", ctypes.c_uint8 * 4)]


class Flags(ctypes.BigEndianStructure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("kind", ctypes.c_uint8, 3), ("size", ctypes.c_uint8, 5), ("length", ctypes.c_uint32)]


class Node(ctypes.Structure):
    pass


Node._fields_ = [("value", ctypes.c_int), ("next", ctypes.POINTER(Node))]


def layouts():
    print(ctypes.sizeof(Point), ctypes.alignment(Point), Point.y.offset, bytes(Point(-2, 0.5)).hex(" ", 8)[-17:])
    word = Word(0x01020304)
    print(list(word.bytes), ctypes.sizeof(Word), hex(word.whole))
    flags = Flags.from_buffer_copy(b"\xa5\x00\x00\x01\x00")
    print(flags.kind, flags.size, flags.length, ctypes.sizeof(Flags))
    points = (Point * 3)(*((n, n / 2) for n in range(3)))
    print([(p.x, p.y) for p in points], len(points))
    for kind, value in ((ctypes.c_uint8, 300), (ctypes.c_int8, 200), (ctypes.c_int64, 2**63), (ctypes.c_float, 0.1)):
        print(kind(value).value, ctypes.sizeof(kind), end=" ")
    print(ctypes.c_wchar("\u20ac").value, ctypes.c_char(b"q").value, ctypes.c_bool(7).value)


def memory():
    chain = Node(1, ctypes.pointer(Node(2, ctypes.pointer(Node(3)))))
    print(chain.next.contents.next[0].value, bool(chain.next[0].next[0].next))
    buffer = ctypes.create_string_buffer(b"hello", 8)
    print(buffer.raw, buffer.value, ctypes.string_at(ctypes.addressof(buffer) + 1, 3))
    ctypes.memset(buffer, ord("x"), 2)
    ctypes.memmove(ctypes.byref(buffer, 3), b"AB", 2)
    print(buffer.raw, ctypes.wstring_at(ctypes.create_unicode_buffer("wide \u20ac")))
    number = ctypes.c_uint32(0x41424344)
    print(ctypes.cast(ctypes.byref(number), ctypes.POINTER(ctypes.c_char))[:4])
    shared = bytearray(16)
    Point.from_buffer(shared, 0).y = 1.0
    print(shared.hex(), memoryview((ctypes.c_int * 2 * 3)()).shape)
    print(copy.copy(number).value, pickle.loads(pickle.dumps(Point(7, 2.5))).y)
    for wrong in (lambda: ctypes.c_int("x"), lambda: (ctypes.c_int * 2)(1, 2, 3), lambda: ctypes.POINTER(Node)().contents):
        try:
            wrong()
        except Exception as error:
            print(type(error).__name__)


def functions():
    print(ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int)(lambda a, b: a - b)(3, 5))
    scale = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_float, ctypes.c_int64, ctypes.c_double)(lambda a, b, c: a * b + c)
    print(scale(0.5, 2**40, 0.25))
    moved = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.POINTER(Point), ctypes.c_int16)(lambda p, n: p[0].y + n)
    print(moved(ctypes.pointer(Point(1, 2.5)), -2))
    small = ctypes.CFUNCTYPE(ctypes.c_int8, ctypes.c_uint8)(lambda a: a)
    print(small(200), small(300))
    many = ctypes.CFUNCTYPE(ctypes.c_longlong, *[ctypes.c_short] * 12)(lambda *all: sum(all) * 2**33)
    print(many(*range(12)))
    nested = ctypes.CFUNCTYPE(ctypes.py_object, ctypes.py_object)(lambda what: [what, small(7)])
    print(nested({"a": 1}))
    address = ctypes.cast(small, ctypes.c_void_p).value
    print(type(small)(address)(9))
    nothing = ctypes.CFUNCTYPE(None, ctypes.c_int)(print)
    print(nothing(4))
    try:
        small("text")
    except ctypes.ArgumentError:
        print("refused")


layouts()
memory()
functions()
