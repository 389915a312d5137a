if(ResourceAttributes['faas.name'] != '', ('function', ResourceAttributes['faas.name']), ('service', ServiceName))
