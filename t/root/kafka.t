# The stream to Kafka: every event under its subject's key, read back by a
# client that shares no code with the producer; also when the brokers refuse,
# are away for a while, or a worker dies.  The brokers are librdkafka's mock.

use Pando;
use IPC::Open2;
use JSON::PP;

my $mock = "$Pando::BUILD/t/kafka_mock.$$";
my $flags = qx(pkg-config --cflags --libs rdkafka) =~ s/\s+$//r;
is system("cc -std=gnu11 -O1 -Wall -Wextra -Werror -Wno-unused-parameter -o $mock "
    . "$Pando::ROOT/t/lib/kafka_mock.c $flags"), 0, 'the brokers are built';

my $pid = open2(my $from, my $to, $mock, 'told');
unlink $mock;
$to->autoflush;
chomp(my $brokers = <$from>);
END { my $was = $?; close $to if $to; waitpid $pid, 0 if $pid; $? = $was }

sub brokers
{
    print $to "@_\n";
    return scalar <$from>;
}

my $tenant = $Pando::Token::TENANT;
my $p = Pando->new(domains => [qw(probe listener)], workers => 2,
    http => "pando_stream kafka brokers=$brokers topic=told linger.ms=1;",
    server => 'location = /metrics { pando_exposition; }');
my %as = (token => { scope => 'probe:admin' });

# What another client finds in the topic, once so many events are there.
sub topic
{
    my ($n) = @_;
    open my $read, '-|', '/usr/bin/python3', "$Pando::ROOT/t/lib/kafka_read.py",
        $brokers, 'told', $n, 40 or die "python3: $!\n";
    my @all = map { decode_json($_) } <$read>;
    close $read;
    return @all;
}

# In each partition those of one subject in order, where repeats of a batch are left out.
sub ordered
{
    my ($name, @all) = @_;
    my (%seen, %last, $wrong);

    for my $m (@all) {
        next if $seen{ $m->{event}{id} }++;
        my $n = $m->{event}{data}{n} // next;
        $wrong++ if ($last{ $m->{key} } // 0) != $n - 1;
        $last{ $m->{key} } = $n;
    }
    ok !$wrong, "$name: each subject in order" or diag(explain(\%last),
        map { "$_->{partition} $_->{offset} $_->{key} " . ($_->{event}{data}{n} // '') } @all);
    return scalar keys %seen;
}

my @subjects = map { sprintf '01900000-0000-7000-8000-%012d', $_ } 1 .. 10;
my $said = 0;

sub say_all
{
    my ($n) = @_;
    $p->sql("SELECT pando.emit(?, 'probe.renamed', 1, s, jsonb_build_object('n', i))
        FROM generate_series(?::int, ?::int) AS i, unnest(?::uuid[]) AS s ORDER BY i",
        $tenant, $said + 1, $said + $n, \@subjects);
    $p->sql('NOTIFY pando_events');
    $said += $n;
}


my $r = $p->post('/api/v1/probes', { name => 'streamed' }, %as);
is $r->{status}, 201;
my ($m) = topic(1);
my ($id, $at) = map { @$_ } $p->sql('SELECT id, pando.rfc3339(at) FROM pando.outbox');

is $m->{key}, $r->json->{id}, 'an event is in the topic, under its subject';
is_deeply [ @{ $m->{event} }{qw(specversion id type time subject tenantid)} ],
    [ '1.0', $id, 'probe.created', $at, $r->json->{id}, $tenant ], 'as a CloudEvent';
is $m->{event}{data}{name}, 'streamed', 'with its data';
is $m->{headers}{'content-type'}, 'application/cloudevents+json', 'which its header says';

say_all(50);
my @all = topic(501);
is ordered('many', @all), 501, 'five hundred at once';
is scalar(@all), 501, 'each once, when nothing goes wrong';
ok scalar(keys %{ { map { $_->{partition} => 1 } @all } }) > 1, 'over several partitions';
is scalar(keys %{ { map { ("$_->{key} $_->{partition}" => 1) } @all } }), 11,
    'each subject in one of them';


# The brokers refuse, and are away

brokers('refuse 3');
say_all(10);
is ordered('refused', topic(601)), 601, 'what is refused at first comes all the same';

brokers('down');
say_all(10);
is $p->post('/api/v1/probes', { name => 'meanwhile' }, %as)->{status}, 201,
    'without brokers writes go on';
ok $p->wait_for(sub { $p->sql("SELECT count(*) FROM listener.heard WHERE name = 'meanwhile'") },
    30), 'and other consumers';
ok $p->wait_for(sub { $p->get('/metrics')->{body}
    =~ /^pando_consumer_failed_total\{.*"stream.kafka".*\} [1-9]/m }, 40), 'which is counted';
brokers('up');
is ordered('back', topic(702)), 702, 'and nothing is lost when they are back';
$p->expect(qr/Kafka/);


# A worker dies

for my $i (1 .. 6) {
    say_all(20);
    my @pids = $p->worker_pids;
    $p->kill_worker('KILL', $pids[$i % @pids]) if @pids;
}
is ordered('killed', topic(1902)), 1902, 'nothing is lost where workers are killed';

# A reload

say_all(10);
$p->reload;
say_all(10);
is ordered('reloaded', topic(2102)), 2102, 'nor by a reload';


# What is wrong is said when the configuration is read

for ([ 'topic=a', 'it needs brokers=host:port' ],
     [ 'brokers=a:9092 no.such=1', 'No such configuration property: "no.such"' ],
     [ 'brokers=a:9092 acks=many', 'Invalid value' ],
     [ 'brokers=a:9092 what', 'they are written name=value' ],
     [ 'brokers=a:9092 sasl.password=file:/no/such', 'cannot be opened' ]) {
    my ($set, $why) = @$_;
    my $bad = Pando->new(start => 0, domains => [qw(probe)],
        http => "pando_stream kafka $set;");
    like $bad->check, qr/\Q$why/, "refused: $set";
    $bad->expect(qr/./);
}

done_testing;
