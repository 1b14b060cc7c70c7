# The description of the events: sound AsyncAPI 3.0, whose parts are all there,
# of all events that are emitted and who hears them.

use Pando;
use JSON::PP;

my @domains = (qw(probe listener), map { m{/([^/]+)/$} } glob "$Pando::ROOT/modules/*/");
my $p = Pando->new(domains => \@domains,
    http => "pando_tenant $Pando::Token::TENANT;",
    server => 'location = /asyncapi.json { pando_asyncapi; }'
            . 'location = /openapi.json { pando_openapi; }');
my $r = $p->get('/asyncapi.json');

is $r->{status}, 200, 'there is a document';
is $r->header('Content-Type'), 'application/json';
my $doc = $r->json;
my $etag = $r->header('ETag');
is $p->get('/asyncapi.json', 'If-None-Match' => $etag)->{status}, 304, 'it is cached well';
is $p->post('/asyncapi.json', {})->{status}, 405;

is $doc->{asyncapi}, '3.0.0';
ok $doc->{info}{$_}, "info: $_" for qw(title version description);
is_deeply [ sort keys %$doc ],
    [ qw(asyncapi channels components defaultContentType info operations) ];

# Every reference leads somewhere.
my ($refs, @lost) = 0;

sub walk
{
    my ($node) = @_;

    if (ref $node eq 'ARRAY') {
        walk($_) for @$node;
        return;
    }

    return if ref $node ne 'HASH';

    if (defined(my $ref = $node->{'$ref'})) {
        $refs++;
        push @lost, $ref unless find($ref);
    }

    walk($_) for values %$node;
}

sub find
{
    my ($ref) = @_;
    my $at = $doc;

    return if $ref !~ s{^#/}{};
    $at = ref $at eq 'HASH' ? $at->{$_} : undef for split m{/}, $ref;
    return $at;
}

walk($doc);
cmp_ok $refs, '>', 50, 'it refers to its parts';
is_deeply \@lost, [], 'all of which are there';

my @types = sort keys %{ $p->get('/openapi.json')->json->{'x-events'} };
is_deeply [ sort keys %{ $doc->{channels}{events}{messages} } ], \@types,
    'each event is a message of the channel';
is_deeply [ sort keys %{ $doc->{components}{messages} } ], \@types;
is_deeply [ sort grep { /^send\./ } keys %{ $doc->{operations} } ],
    [ map { "send.$_" } @types ], 'and is sent';

for my $name (sort keys %{ $doc->{operations} }) {
    my $op = $doc->{operations}{$name};
    my @wrong;

    push @wrong, 'its name' if $name !~ /^(?:send|receive)\.[\w.]+$/;
    push @wrong, 'its action' if $name !~ /^\Q$op->{action}\E\./;
    push @wrong, 'its channel' if $op->{channel}{'$ref'} ne '#/channels/events';
    push @wrong, 'a message of no channel'
        if grep { $_->{'$ref'} !~ m{^#/channels/events/messages/} } @{ $op->{messages} };
    is_deeply \@wrong, [], $name;
}

is_deeply [ sort map { $_->{'$ref'} =~ m{([^/]+)$} }
        @{ $doc->{operations}{'receive.listener.probes'}{messages} } ],
    [ qw(probe.created probe.renamed) ], 'a consumer receives what it hears';
is scalar @{ $doc->{operations}{'receive.listener.all'}{messages} }, scalar @types,
    'or all of it';

my $created = $doc->{components}{messages}{'probe.created'}{payload};
is $created->{properties}{type}{const}, 'probe.created', 'an envelope is its own';
is $created->{properties}{data}{'$ref'}, '#/components/schemas/Probe', 'with its data';
is_deeply $created->{required}, [ qw(specversion id source type time data) ];

done_testing;
