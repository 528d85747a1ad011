"""PromQL evaluation on frames; storage is known only by the protocol in `obsflow.model.storage`."""
