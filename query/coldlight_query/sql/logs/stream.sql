coalesce(nullIf(ResourceAttributes['faas.instance'], ''), nullIf(ResourceAttributes['service.instance.id'], ''), ResourceAttributes['aws.log.stream.names'])
