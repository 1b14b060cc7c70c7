# The stream to the outside: every event, as a CloudEvent, at least once and in
# order, also when Redis was away for a while.

use Pando;
use Pando::Server;
use JSON::PP;

my $tenant = $Pando::Token::TENANT;
my $redis = Pando::Server->redis;
my $p = Pando->new(domains => [qw(probe listener)], workers => 2, redis => $redis->socket,
    http => 'pando_stream redis key=told maxlen=5000;');
my %as = (token => { scope => 'probe:admin' });

# The stream as another client reads it: [ { field => value }, ... ]
sub entries
{
    my @lines = map { s/\n$//r } qx(redis-cli -s @{[ $redis->socket ]} --raw xrange told - +);
    my @all;

    while (my ($entry, @fields) = splice @lines, 0, 7) {
        push @all, { @fields } if @fields == 6;
    }

    return @all;
}

sub streamed
{
    my ($n) = @_;
    return $p->wait_for(sub {
        my %ids = map { $_->{id} => 1 } entries();
        keys %ids >= $n;
    }, 30);
}

my $r = $p->post('/api/v1/probes', { name => 'streamed' }, %as);
is $r->{status}, 201;
ok streamed(1), 'an event is in the stream';

my ($entry) = entries();
my $event = decode_json($entry->{event});
my ($id, $at) = map { @$_ } $p->sql('SELECT id, pando.rfc3339(at) FROM pando.outbox');

is $entry->{type}, 'probe.created';
is $entry->{id}, $id, 'by its id';
is_deeply { %$event, data => undef }, {
    specversion => '1.0', id => $id, source => '/pando/probe', type => 'probe.created',
    subject => $r->json->{id}, time => $at, datacontenttype => 'application/json',
    dataschema => '/asyncapi.json#/components/schemas/Probe', dataversion => '1',
    tenantid => $tenant, data => undef,
    ($event->{actor} ? (actor => $event->{actor}) : ()),
}, 'as a CloudEvent';
is $event->{data}{name}, 'streamed', 'with its data';

my $trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
$p->sql("SELECT pando.emit(NULL, 'quiet.one', 3, NULL, '{}', NULL, ?)", $trace);
$p->sql('NOTIFY pando_events');
ok streamed(2);
$event = decode_json((entries())[1]{event});
is_deeply [ @$event{qw(type traceparent dataversion subject tenantid dataschema)} ],
    [ 'quiet.one', $trace, '3', undef, undef, undef ], 'what is not there is left out';

$p->sql("SELECT pando.emit(NULL, 'many.' || n, 1, NULL, '{}') FROM generate_series(1, 1000) AS n");
$p->sql('NOTIFY pando_events');
ok streamed(1002), 'a thousand at once';
is_deeply [ map { $_->{type} } (entries())[2 .. 1001] ], [ map { "many.$_" } 1 .. 1000 ],
    'in order';


# Redis away

$redis->kill;
$p->sql("SELECT pando.emit(NULL, 'away.' || n, 1, NULL, '{}') FROM generate_series(1, 500) AS n");
$p->sql('NOTIFY pando_events');
is $p->post('/api/v1/probes', { name => 'meanwhile' }, %as)->{status}, 201,
    'without Redis writes go on';
ok $p->wait_for(sub { $p->sql("SELECT count(*) FROM listener.heard WHERE name = 'meanwhile'") },
    30), 'and other consumers';
$redis->start;
ok $p->wait_for(sub {
    my %types = map { $_->{type} => 1 } entries();
    501 == grep { $types{$_} } 'probe.created', map { "away.$_" } 1 .. 500;
}, 60), 'the stream catches up when it is back';

my (%seen, @first);
$seen{$_->{id}}++ or push @first, $_->{type} for grep { $_->{type} =~ /^away/ } entries();
is_deeply \@first, [ map { "away.$_" } 1 .. 500 ], 'in order';

my $bad = Pando->new(domains => ['probe'], redis => undef, start => 0,
    http => 'pando_stream redis;');
my ($said, $content) = $bad->check;
ok !$content;
like $said, qr/needs a Redis/, 'a stream without Redis is refused';
$bad->expect(qr/needs a Redis/);

done_testing;
