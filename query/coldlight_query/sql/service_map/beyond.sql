multiIf(
    SpanAttributes['messaging.destination.name'] != '',
    (
        transform(
            SpanAttributes['messaging.system'],
            ['aws_sqs', 'aws.sqs', 'aws.sns', 'aws.eventbridge', 'aws.kinesis', 'aws.firehose', 'kafka'],
            ['queue', 'queue', 'topic', 'bus', 'stream', 'stream', 'topic'],
            'queue'
        ),
        SpanAttributes['messaging.destination.name']
    ),
    SpanAttributes['aws.dynamodb.table_names'] != '',
    ('table', JSONExtractString(SpanAttributes['aws.dynamodb.table_names'], 1)),
    SpanAttributes['aws.s3.bucket'] != '',
    ('bucket', SpanAttributes['aws.s3.bucket']),
    SpanAttributes['aws.step_functions.state_machine.arn'] != '',
    ('state machine', arrayLast(part -> true, splitByChar(':', SpanAttributes['aws.step_functions.state_machine.arn']))),
    SpanAttributes['faas.invoked_name'] != '',
    ('function', SpanAttributes['faas.invoked_name']),
    SpanAttributes['coldlight.trigger.name'] != '',
    (
        multiIf(
            SpanAttributes['coldlight.trigger'] = 'sqs', 'queue',
            SpanAttributes['coldlight.trigger'] IN ('sns', 'kafka', 'iot'), 'topic',
            SpanAttributes['coldlight.trigger'] IN ('kinesis', 'firehose'), 'stream',
            SpanAttributes['coldlight.trigger'] = 'dynamodb', 'table',
            SpanAttributes['coldlight.trigger'] = 's3', 'bucket',
            SpanAttributes['coldlight.trigger'] = 'eventbridge', 'bus',
            SpanAttributes['coldlight.trigger'] = 'schedule', 'schedule',
            SpanAttributes['coldlight.trigger'] = 'destination', 'function',
            SpanAttributes['coldlight.trigger'] IN ('stepfunctions', 'durable'), 'state machine',
            SpanAttributes['coldlight.trigger'] = 'cloudwatch-logs', 'log group',
            'api'
        ),
        SpanAttributes['coldlight.trigger.name']
    ),
    -- what serves a call knows its own address, which is nobody else
    SpanKind IN ('Server', 'Consumer'),
    ('', ''),
    SpanAttributes['db.system.name'] != '' OR SpanAttributes['db.system'] != '',
    (
        'database',
        arrayStringConcat(
            arrayFilter(
                part -> part != '',
                [
                    if(SpanAttributes['db.system.name'] != '', SpanAttributes['db.system.name'], SpanAttributes['db.system']),
                    if(SpanAttributes['db.namespace'] != '', SpanAttributes['db.namespace'], SpanAttributes['db.name'])
                ]
            ),
            '/'
        )
    ),
    SpanAttributes['rpc.system'] = 'aws-api',
    ('aws service', SpanAttributes['rpc.service']),
    SpanAttributes['server.address'] != '',
    ('host', SpanAttributes['server.address']),
    SpanAttributes['net.peer.name'] != '',
    ('host', SpanAttributes['net.peer.name']),
    SpanAttributes['peer.service'] != '',
    ('service', SpanAttributes['peer.service']),
    ('', '')
)
