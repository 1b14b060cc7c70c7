# Events after the commit: each consumer hears each event once, those of one
# subject in order; what fails is tried again, with its subject behind it, and
# parked when it has failed often enough, and holds up nobody else.

use Pando;

my $tenant = $Pando::Token::TENANT;
my $p = Pando->new(domains => [qw(probe listener)], workers => 2, server => <<'END');
location /api/v1/outbox/ { pando_outbox; }
location = /metrics      { pando_exposition; }
END
my %as = (token => { scope => 'probe:admin' });

sub add
{
    my ($name) = @_;
    my $r = $p->post('/api/v1/probes', { name => $name }, %as);

    return $r->json->{id} // die "no probe: $r->{raw}\n";
}

# Events of a subject as the database alone would write them, with a nudge.
sub say_so
{
    my ($subject, @names) = @_;

    $p->sql("SELECT pando.emit(?, 'probe.renamed', 1, ?, jsonb_build_object(
        'name', n)) FROM unnest(?::text[]) WITH ORDINALITY AS n (n, i) ORDER BY i",
        $tenant, $subject, \@names);
    $p->sql('NOTIFY pando_events');
}

sub mood
{
    my ($name, %is) = @_;
    $p->sql('INSERT INTO listener.moods (tenant_id, name, fail, slow_ms)
        VALUES (?, ?, ?, ?)', $tenant, $name, $is{fail} // 0, $is{slow} // 0);
}

sub heard
{
    my ($consumer, $subject) = @_;
    return map { $_->[0] } $p->sql('SELECT name FROM listener.heard
        WHERE consumer = ? AND subject = ? ORDER BY n', $consumer, $subject);
}

sub hears
{
    my ($consumer, $subject, $n) = @_;
    return $p->wait_for(sub {
        my @names = heard($consumer, $subject);
        @names >= $n;
    }, 30) || BAIL_OUT("not heard: $consumer $subject $n");
}


# One event, once for each consumer

my $id = add('first');
ok hears('probes', $id, 1), 'a consumer hears what was committed';
ok hears('all', $id, 1), 'and so does another';
say_so($id, qw(second third));
ok hears('probes', $id, 3);
is_deeply [ heard('probes', $id) ], [ qw(first second third) ], 'in order';
ok hears('all', $id, 3);
is $p->sql('SELECT count(*) FROM listener.heard WHERE subject = ?', $id), 6, 'each once';
is $p->sql('SELECT count(*) FROM listener.heard h JOIN pando.outbox o ON o.id = h.event
    AND o.at = h.at AND o.type = h.type WHERE h.subject = ?', $id), 6, 'as it was told';

my $trace = '0af7651916cd43dd8448eb211c80319c';
$p->sql("SELECT pando.emit(?, 'probe.renamed', 1, ?, '{\"name\": \"traced\"}', NULL, ?)",
    $tenant, $id, "00-$trace-b7ad6b7169203331-01");
$p->sql('NOTIFY pando_events');
ok hears('probes', $id, 4);
is $p->sql("SELECT trace FROM listener.heard WHERE name = 'traced' LIMIT 1"),
    "00-$trace-b7ad6b7169203331-01", 'with its trace';


# One that fails now and then: its subject waits, others go on.

mood('twice', fail => 2);
my $other = add('other');
say_so($id, qw(twice after last));
say_so($other, qw(calm));
ok hears('probes', $other, 2), 'another subject is not held up';
ok hears('probes', $id, 7), 'what fails twice is heard the third time';
is_deeply [ (heard('probes', $id))[4 .. 6] ], [ qw(twice after last) ],
    'and its subject waits for it';
is $p->sql("SELECT attempt FROM listener.heard WHERE name = 'twice'
    AND consumer = 'probes'"), 3, 'it knows how often it was tried';
ok $p->wait_for(sub { !$p->sql("SELECT count(*) FROM pando.parked
    WHERE consumer = 'listener.probes'") }, 30), 'nothing is left of that';


# One that always fails is parked, and its subject goes on.

mood('never', fail => 99);
say_so($id, qw(never onward));
say_so($other, map { "n$_" } 1 .. 50);
ok hears('probes', $other, 52), 'others go on meanwhile';
ok hears('probes', $id, 8), 'its subject goes on without it';
is((heard('probes', $id))[-1], 'onward');
is $p->sql("SELECT count(*) FROM listener.heard WHERE name = 'never'"), 0,
    'what it did was rolled back';
is_deeply [ $p->sql("SELECT type, attempts, error, data ->> 'name' FROM pando.parked
    WHERE consumer = 'listener.probes' AND parked_at IS NOT NULL") ],
    [ [ 'probe.renamed', 3, 'in_a_mood', 'never' ] ], 'it is parked, whole, with its error';


# Parked ones are seen, tried again and dropped by operators.

my $outbox = '/api/v1/outbox';
my @admin = (token => { scope => 'pando:admin' });

sub metric
{
    my ($name) = @_;
    my ($value) = $p->get('/metrics')->{body} =~ /^pando_consumer_\Q$name\E (\S+)/m;
    return $value // '';
}

is $p->get("$outbox/parked", token => { scope => 'probe:admin' })->{status}, 403,
    'parked events are for operators';
my $r = $p->get("$outbox/parked?consumer=listener.probes", token => { scope => 'pando:read' });
is $r->{status}, 200;
my ($parked) = @{ $r->json->{data} };
is scalar @{ $r->json->{data} }, 1, 'who list them';
is_deeply [ @$parked{qw(consumer type subject attempts error)}, $parked->{data}{name} ],
    [ 'listener.probes', 'probe.renamed', $id, 3, 'in_a_mood', 'never' ];
is scalar(@{ $p->get("$outbox/parked?limit=1", @admin)->json->{data} }), 1, 'by the page';
ok $p->wait_for(sub { metric('parked_events{consumer="listener.probes"}') eq '1' }),
    'metrics tell of it';
is metric('given_up_total{consumer="listener.probes"}'), 1;
cmp_ok metric('failed_total{consumer="listener.probes"}'), '>=', 5;
cmp_ok metric('handled_total{consumer="listener.probes"}'), '>=', 60;
is metric('relays{consumer="listener.probes"}'), 1, 'one worker relays';

is $p->post("$outbox/parked/$parked->{id}/replay", undef, token => { scope => 'pando:read' })
    ->{status}, 403;
is $p->post("$outbox/parked/$parked->{id}/replay", undef, @admin)->{status}, 204;
ok $p->wait_for(sub { $p->sql('SELECT count(*) FROM pando.parked WHERE id = ?
    AND parked_at > ?', $parked->{id}, $parked->{parked_at}) }, 30),
    'tried again, in vain, it is parked again';
$p->sql("UPDATE listener.moods SET fail = 0 WHERE name = 'never'");
is $p->post("$outbox/parked/$parked->{id}/replay", undef, @admin)->{status}, 204;
ok hears('probes', $id, 9), 'or with success';
is((heard('probes', $id))[-1], 'never');
is $p->get("$outbox/parked/$parked->{id}", @admin)->{status}, 404, 'then it is gone';
($parked) = @{ $p->get("$outbox/parked?sort=-parked_at", @admin)->json->{data} };
is $parked->{consumer}, 'listener.all';
is $p->delete("$outbox/parked/$parked->{id}", @admin)->{status}, 204, 'one can be dropped';
is $p->post("$outbox/parked/$parked->{id}/replay", undef, @admin)->{status}, 404;
is $p->delete("$outbox/parked/$parked->{id}", @admin)->{status}, 404;
is_deeply [ grep { /^listener/ } map { $_->{name} }
    @{ $p->get("$outbox/readers", @admin)->json->{data} } ],
    [ 'listener.all', 'listener.probes' ], 'readers are listed';


# A slow one holds up its subject alone.

mood('slow', slow => 1500);
say_so($id, qw(slow behind));
say_so($other, qw(quick));
ok hears('probes', $other, 53);
is scalar(grep { $_ eq 'behind' } heard('probes', $id)), 0, 'a slow one holds up nobody else';
ok hears('probes', $id, 11), 'and its subject waits for it';
is_deeply [ (heard('probes', $id))[-2, -1] ], [ qw(slow behind) ];


# Many of one subject, and many subjects

my $many = '01900000-0000-7000-8000-000000000001';
say_so($many, 1 .. 1000);
ok hears('probes', $many, 1000), 'a thousand of one subject';
is_deeply [ heard('probes', $many) ], [ 1 .. 1000 ], 'in order';

$p->sql("SELECT pando.emit(?, 'probe.renamed', 1, gen_random_uuid(),
    jsonb_build_object('name', 'of many')) FROM generate_series(1, 2000)", $tenant);
$p->sql('NOTIFY pando_events');
ok $p->wait_for(sub { $p->sql("SELECT count(*) FROM listener.heard
    WHERE name = 'of many' AND consumer = 'probes'") == 2000 }, 60), 'two thousand subjects';
ok $p->wait_for(sub { $p->sql("SELECT count(*) FROM pando.readers r
    WHERE (xid, seq) >= (SELECT xid, seq FROM pando.outbox ORDER BY xid DESC, seq DESC LIMIT 1)
      AND name LIKE 'listener.%'") == 2 }, 30), 'the readers have passed them all';
is $p->sql('SELECT count(*) - count(DISTINCT (consumer, event)) FROM listener.heard'), 0,
    'nothing was heard twice';


# A relay that was the one before puts an event aside when this one has begun:
# what it does not know of goes first all the same.

say_so($other, 'before');
ok hears('probes', $other, 54) && hears('all', $other, 54);
$p->sql(<<'END', $tenant, $other);
WITH told AS (
    SELECT pando.emit($1, 'probe.renamed', 1, $2, '{"name": "aside"}') AS id
)
SELECT pando.put_aside(who, pg_current_xact_id(), currval('pando.outbox_seq_seq'),
    told.id, $1, 'probe.renamed', 1, $2, '{"name": "aside"}', NULL, NULL, now(), 1,
    'in_a_mood', 400) FROM told, (VALUES ('listener.probes'), ('listener.all')) AS c (who)
END
say_so($other, 'behind');
ok hears($_, $other, 56), "$_ hears both" for qw(probes all);
is_deeply [ (heard($_, $other))[-2, -1] ], [ qw(aside behind) ], 'in order' for qw(probes all);


# No NOTIFY at all: looked for every few seconds

$p->sql("SELECT pando.emit(?, 'probe.renamed', 1, ?, '{\"name\": \"unsaid\"}')", $tenant, $other);
ok hears('probes', $other, 57), 'what nobody was woken for is heard, too';

done_testing;
