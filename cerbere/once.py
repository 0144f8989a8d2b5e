"""`{% once %} … {% endonce %}`: what every reader of a language sees alike, rendered once a process.

Most of a page is the same for everybody, and to render it anew each time was more than half of what the page cost.
Inside may stand what follows from the language, from `site` (what the settings say of the organisation) and from the
addresses: sentences, `{% url %}` with constant names, `{% static %}`, partials made of these. Never what depends on the
request, the agent, a form, the CSRF token or the time, nor a `{% block %}`.

Nothing of these can be kept by mistake, and so shown to somebody else: the inside is rendered without the page's
context, and asking for any other variable is an error, for the first who opens the page.
"""

from typing import Any

from django.template import Context, Library, Template, TemplateSyntaxError
from django.template.base import Node, NodeList, Parser, Token
from django.template.loader_tags import BlockNode
from django.urls import get_script_prefix
from django.utils.safestring import SafeString
from django.utils.translation import get_language

register = Library()


class OnceNode(Node):
    child_nodelists = ()  # no block is inside: none is looked for at each rendering

    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist
        self.kept: dict[tuple[Any, ...], SafeString] = {}

    def render(self, context: Context) -> SafeString:
        site: dict[str, Any] = context.get("site") or {}
        variant = (get_language(), *site.items())
        return self.kept.get(variant) or self._render(variant, _Alone(site), context.template)

    def _render(self, variant: tuple[Any, ...], alone: "_Alone", template: Template | None) -> SafeString:
        """Kept unless a server says that Cerbère is elsewhere than at the root: some let the request say so."""
        assert template is not None
        with alone.render_context.push_state(template), alone.bind_template(template):
            rendered = self.nodelist.render(alone)
        if alone.missed:
            raise TemplateSyntaxError(f"{{% once %}} in {self.origin} asks for {', '.join(sorted(alone.missed))}")
        if get_script_prefix() == "/":
            self.kept[variant] = rendered
        return rendered


class _Alone(Context):
    """Has `site` and what the inside sets, and writes down what else is asked for: Django would show nothing."""

    def __init__(self, site: dict[str, Any]) -> None:
        self.missed: set[str] = set()
        super().__init__({"site": site, "forloop": {}})  # each `{% for %}` asks whether it stands in another

    def __contains__(self, key: Any) -> bool:
        found = super().__contains__(key)
        if not found:
            self.missed.add(key)
        return found

    def __getitem__(self, key: Any) -> Any:
        _ = key in self
        return super().__getitem__(key)

    def get(self, key: Any, otherwise: Any = None) -> Any:
        return super().get(key, otherwise) if key in self else otherwise


@register.tag
def once(parser: Parser, token: Token) -> OnceNode:
    nodelist = parser.parse(("endonce",))
    parser.delete_first_token()
    if nodelist.get_nodes_by_type(BlockNode):
        raise TemplateSyntaxError("no {% block %} in {% once %}: each page fills it in another way")
    return OnceNode(nodelist)
