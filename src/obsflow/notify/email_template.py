"""The page that mails carry: what Alertmanager's own page renders, byte for byte.

Its layout and styles derive from Mailgun's transactional e-mail templates, Copyright (c) 2014 Mailgun, under the MIT
License.
"""

import re
from typing import Final

from obsflow.notify.data import Api

_FONT: Final = "font-family: 'Helvetica Neue', Helvetica, Arial, sans-serif; box-sizing: border-box;"
_BASE: Final = f"margin: 0; {_FONT} font-size: 14px;"
_HEAD: Final = (
    f"margin: 0; {_FONT} vertical-align: top; font-size: 16px; color: #fff; font-weight: 500; padding: 20px;"
    " text-align: center; border-radius: 3px 3px 0 0;"
)

_STYLES: Final = {
    "base": _BASE,
    "top": f"{_BASE} vertical-align: top;",
    "block": f"{_BASE} vertical-align: top; padding: 0 0 20px;",
    "wrap": f"{_BASE} vertical-align: top; padding: 30px;",
    "link": f"{_BASE} color: #348eda; text-decoration: underline;",
    "page": (
        f"{_BASE} -webkit-font-smoothing: antialiased; -webkit-text-size-adjust: none; height: 100%;"
        " line-height: 1.6em; background-color: #f6f6f6; width: 100%;"
    ),
    "outer": f"{_BASE} background-color: #f6f6f6; width: 100%;",
    "container": (
        f"{_FONT} font-size: 14px; vertical-align: top; display: block; max-width: 600px; margin: 0 auto; clear: both;"
    ),
    "content": f"{_FONT} font-size: 14px; max-width: 600px; margin: 0 auto; display: block; padding: 20px;",
    "main": f"{_BASE} background-color: #fff; border: 1px solid #e9e9e9; border-radius: 3px;",
    "firing": f"{_HEAD} background-color: #E6522C;",
    "resolved": f"{_HEAD} background-color: #68B90F;",
    "button": (
        f"{_BASE} text-decoration: none; color: #FFF; background-color: #348eda; border: solid #348eda;"
        " border-width: 10px 20px; line-height: 2em; font-weight: bold; text-align: center; cursor: pointer;"
        " display: inline-block; border-radius: 5px; text-transform: capitalize;"
    ),
    "footer": f"{_BASE} width: 100%; clear: both; color: #999; padding: 20px;",
    "small": (
        f"margin: 0; {_FONT} vertical-align: top; padding: 0 0 20px; text-align: center; color: #999; font-size: 12px;"
    ),
    "sender": f"margin: 0; {_FONT} text-decoration: underline; color: #999; font-size: 12px;",
}

_HEADER: Final = """

<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" [[base]]>
<head>
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Type" content="text/html; charset=UTF-8">
<title>{{ template "__subject" . }}</title>
<style>
@media only screen and (max-width: 640px) {
  body {
    padding: 0 !important;
  }

  h1,
h2,
h3,
h4 {
    font-weight: 800 !important;
    margin: 20px 0 5px !important;
  }

  h1 {
    font-size: 22px !important;
  }

  h2 {
    font-size: 18px !important;
  }

  h3 {
    font-size: 16px !important;
  }

  .container {
    padding: 0 !important;
    width: 100% !important;
  }

  .content {
    padding: 0 !important;
  }

  .content-wrap {
    padding: 10px !important;
  }

  .invoice {
    width: 100% !important;
  }
}
</style>
</head>

<body itemscope itemtype="SCHEME://schema.org/EmailMessage" [[page]]>

<table class="body-wrap" [[outer]] width="100%" bgcolor="#f6f6f6">
  <tr [[base]]>
    <td [[top]] valign="top"></td>
    <td class="container" width="600" [[container]] valign="top">
      <div class="content" [[content]]>
        <table class="main" width="100%" cellpadding="0" cellspacing="0" [[main]] bgcolor="#fff">
          <tr [[base]]>
            """

_BANNER: Final = """
            <td class="alert alert-KIND" [[STATUS]] valign="top" align="center" bgcolor="COLOR">
              {{ len .Alerts }} alert{{ if gt (len .Alerts) 1 }}s{{ end }} for {{ range .GroupLabels.SortedPairs }}
                {{ .Name }}={{ .Value }}SPACE
              {{ end }}
            </td>
            """

_TITLE: Final = """
          </tr>
          <tr [[base]]>
            <td class="content-wrap" [[wrap]] valign="top">
              <table width="100%" cellpadding="0" cellspacing="0" [[base]]>
                <tr [[base]]>
                  <td class="content-block" [[block]] valign="top">
                    <a href="{{ template "__alertmanagerURL" . }}" class="btn-primary" [[button]]>View in {{ template "__alertmanager" . }}</a>
                  </td>
                </tr>
                """  # noqa: E501 - the page's own line

_ROW: Final = """
                <tr [[base]]>
                  <td class="content-block" [[block]] valign="top">
                    CELL
                  </td>
                </tr>
"""

_COUNT: Final = "<strong [[base]]>[{{ len .Alerts.STATUS }}] STATUS</strong>"

_ALERT: Final = """\
<strong [[base]]>Labels</strong><br [[base]]>
                    {{ range .Labels.SortedPairs }}{{ .Name }} = {{ .Value }}<br [[base]]>{{ end }}
                    {{ if .Annotations }}<strong [[base]]>Annotations</strong><br [[base]]>{{ end }}
                    {{ range .Annotations.SortedPairs }}{{ .Name }} = {{ .Value }}<br [[base]]>{{ end }}
                    <a href="{{ .GeneratorURL }}" [[link]]>Source</a><br [[base]]>"""

_RULE: Final = """\
<br [[base]]>
                    <hr [[base]]>
                    <br [[base]]>"""

_FOOTER: Final = """
              </table>
            </td>
          </tr>
        </table>

        <div class="footer" [[footer]]>
          <table width="100%" [[base]]>
            <tr [[base]]>
              <td class="aligncenter content-block" [[small]] valign="top" align="center"><a href="{{ .ExternalURL }}" [[sender]]>Sent by {{ template "__alertmanager" . }}</a></td>
            </tr>
          </table>
        </div></div>
    </td>
    <td [[top]] valign="top"></td>
  </tr>
</table>

</body>
</html>

"""  # noqa: E501 - the page's own line


def _row(cell: str) -> str:
    return _ROW.replace("CELL", cell)


def _banner(kind: str, status: str, color: str, space: str) -> str:
    words = {"KIND": kind, "STATUS": status, "COLOR": color, "SPACE": space}
    return re.sub("|".join(words), lambda match: words[match[0]], _BANNER)


def email_page(api: Api) -> str:
    """The body of the template `email.default.html`."""
    indent = " " * 16
    page = "".join(
        (
            _HEADER.replace("SCHEME", "http" if api == "0.25" else "https"),
            "{{ if .Alerts.Firing }}",
            _banner("warning", "firing", "#E6522C", ""),
            "{{ else }}",
            _banner("good", "resolved", "#68B90F", " "),
            "{{ end }}",
            _TITLE,
            f"{{{{ if .Alerts.Firing }}}}{_row(_COUNT.replace('STATUS', 'Firing'))}{indent}{{{{ end }}}}\n{indent}",
            f"{{{{ range .Alerts.Firing }}}}{_row(_ALERT)}{indent}{{{{ end }}}}\n\n{indent}",
            f"{{{{ if .Alerts.Resolved }}}}\n{indent}  ",
            f"{{{{ if .Alerts.Firing }}}}{_row(_RULE)}{indent}  {{{{ end }}}}",
            f"{_row(_COUNT.replace('STATUS', 'Resolved'))}{indent}{{{{ end }}}}\n{indent}",
            f"{{{{ range .Alerts.Resolved }}}}{_row(_ALERT)}{indent}{{{{ end }}}}",
            _FOOTER,
        )
    )
    return re.sub(r"\[\[(\w+)\]\]", lambda match: f'style="{_STYLES[match[1]]}"', page)
