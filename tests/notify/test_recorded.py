"""What a real Alertmanager sent, rendered again from the notification behind it."""

from tests.notify.recorded import rebuild, webhooks

from obsflow.notify import Globals, Renderer, WebhookConfig, webhook

RENDERER_OPTIONS = {"external_url": "http://vm:9393", "version": "0.25.0", "hostname": "vm"}


def test_every_recorded_webhook_is_rendered_again_exactly():
    """A notification rebuilt from a recorded webhook renders to the same headers and the same body."""
    renderer = Renderer(**RENDERER_OPTIONS)
    found = webhooks()
    for recorded in found:
        config = webhook.complete(WebhookConfig(url=f"http://127.0.0.1:9300{recorded.path}"), Globals())
        request = renderer.render(rebuild(recorded), config)
        assert request.body == recorded.body
        assert dict(request.headers).items() <= recorded.headers.items()
    assert len(found) == 222
