"""pydantic as it is used: models, validators, errors, schemas, adapters, and threads that use models at once; says so when all went well."""
import datetime
import decimal
import enum
import json
import threading
import time
import typing
import uuid

import pydantic
import pydantic_core
from pydantic import AfterValidator, AnyUrl, BaseModel, ConfigDict, Field, HttpUrl, TypeAdapter, ValidationError, computed_field
from pydantic import field_serializer, field_validator, model_validator


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Item(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    name: str = Field(min_length=2, pattern="^[a-zé ]+$")
    price: decimal.Decimal = Field(gt=0, decimal_places=2)
    tags: set[str] = Field(default_factory=set, max_length=3)
    colour: Colour = Colour.RED

    @field_validator("name")
    @classmethod
    def not_nothing(cls, value):
        if value == "nothing":
            raise ValueError("nothing is no name")
        return value

    @computed_field
    @property
    def label(self) -> str:
        return f"{self.name} ({self.colour.value})"


class Order(BaseModel):
    id: uuid.UUID
    at: datetime.datetime
    within: datetime.timedelta = datetime.timedelta(days=1)
    items: list[Item]
    home: HttpUrl | None = None
    parent: "Order | None" = None

    @model_validator(mode="after")
    def some(self):
        if not self.items:
            raise ValueError("an order of nothing")
        return self

    @field_serializer("within")
    def seconds(self, value: datetime.timedelta) -> float:
        return value.total_seconds()


def errors(call):
    try:
        call()
    except ValidationError as error:
        return [(each["loc"], each["type"]) for each in error.errors()]
    return []


TEXT = """{"id": "12345678-1234-5678-1234-567812345678", "at": "2026-11-26T10:00:00+02:00", "within": "PT90M", "home": "HTTP://Exämple.org",
"items": [{"name": " thé ", "price": "1.50", "tags": ["a", "a"]}, {"name": "pot", "price": 12, "colour": "blue"}]}"""
order = Order.model_validate_json(TEXT)
assert order.at == datetime.datetime(2026, 11, 26, 8, tzinfo=datetime.timezone.utc) and order.within.seconds == 5400
assert order.items[0].name == "thé" and order.items[0].tags == {"a"} and order.items[1].label == "pot (blue)"
assert str(order.home) == "http://xn--exmple-cua.org/", order.home
again = Order.model_validate_json(order.model_dump_json(exclude={"items": {"__all__": {"label"}}}))
assert again == order and json.loads(order.model_dump_json())["within"] == 5400.0
assert order.model_copy(update={"parent": again}).parent.id == uuid.UUID("12345678-1234-5678-1234-567812345678")

assert errors(lambda: Item(name="x", price="1.234", tags="abcd", other=1)) == [
    (("name",), "string_too_short"), (("price",), "decimal_max_places"), (("tags",), "set_type"), (("other",), "extra_forbidden")]
assert errors(lambda: Item(name="nothing", price=1)) == [(("name",), "value_error")]
assert errors(lambda: Order(id="no", at="2026-13-01", items=[])) == [
    (("id",), "uuid_parsing"), (("at",), "datetime_from_date_parsing")]
assert errors(lambda: Order.model_validate_json(TEXT[:-1])) == [((), "json_invalid")]
try:
    Item(name="ok", price=-1)
except ValidationError as error:
    assert str(error).splitlines()[:3] == [
        "1 validation error for Item", "price", "  Input should be greater than 0 [type=greater_than, input_value=-1, input_type=int]"], error

schema = Order.model_json_schema()
assert schema["$defs"]["Order"]["properties"]["id"] == {"format": "uuid", "title": "Id", "type": "string"}, schema
assert schema["$defs"]["Colour"]["enum"] == ["red", "blue"]

adapter = TypeAdapter(dict[int, tuple[float, typing.Literal["a", "b"]] | None])
assert adapter.validate_json('{"1": [1.5, "a"], "2": null}') == {1: (1.5, "a"), 2: None}
assert adapter.dump_json({3: (0.1, "b")}) == b'{"3":[0.1,"b"]}'
assert TypeAdapter(list[int]).validate_python(range(3)) == [0, 1, 2]
assert TypeAdapter(int).validate_python(str(10**40)) == 10**40
assert TypeAdapter(AnyUrl).validate_python("ftp://user@[::1]:21/a b").port == 21
Even = typing.Annotated[int, AfterValidator(lambda n: n if n % 2 == 0 else n + 1)]
assert TypeAdapter(list[Even]).validate_python(["1", 2]) == [2, 2]
assert pydantic_core.from_json('[1, 2.5, "x', allow_partial=True) == [1, 2.5]
assert pydantic_core.to_json({"a": datetime.date(2026, 1, 2), "b": b"c"}) == b'{"a":"2026-01-02","b":"c"}'


@pydantic.validate_call
def repeat(text: str, count: int = 2) -> str:
    return text * count


assert repeat("ab", "3") == "ababab"
nested = Order(id=order.id, at=0, items=order.items)
for _ in range(50):
    nested = Order(id=order.id, at=0, items=order.items, parent=nested)
assert Order.model_validate_json(nested.model_dump_json(exclude_computed_fields=True)) == nested
loop = []
loop.append(loop)
assert errors(lambda: TypeAdapter(list[list[typing.Any]] | int).validate_python([1]))
Recursive = typing.TypeAliasType("Recursive", "list[Recursive]")
assert errors(lambda: TypeAdapter(Recursive).validate_python(loop))[0][1] == "recursion_loop"


class Told(BaseModel):
    n: int

    @field_validator("n")
    @classmethod
    def slowly(cls, n):
        time.sleep(0.001)  # other threads validate meanwhile
        if n % 7 == 0:
            raise ValueError(f"{n} again")
        return n



def thread(number, done):
    for n in range(1, 40):
        found = errors(lambda: Told.model_validate_json(f'{{"n": {n}}}'))
        assert found == ([(("n",), "value_error")] if n % 7 == 0 else []), (n, found)
        if n % 10 == 0:
            model = pydantic.create_model(f"Made{number}", n=(int, n), inner=(list[Told], ...))
            assert model(inner=[{"n": 1}, {"n": 2}]).n == n
            assert [each.n for each in model.model_validate_json('{"inner": [{"n": 4}, {"n": 5}]}').inner] == [4, 5]
    done.append(number)


done = []
threads = [threading.Thread(target=thread, args=(number, done)) for number in range(8)]
for each in threads:
    each.start()
for each in threads:
    each.join()
assert sorted(done) == list(range(8)), done
print("all went well")
