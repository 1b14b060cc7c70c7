# Two nodes on one database: a rule is looked at once for each of its
# intervals, and every alert is told of once, whoever dies meanwhile.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Gauge;

my @nodes = map { Gauge->new(workers => 2) } 1 .. 2;
my $t = $nodes[0];
my $p = $t->{p};
my %slow = (measure => 'p95', comparison => '>', threshold => 200);

# another connection, to hold what evaluating needs
my $other = DBI->connect("dbi:Pg:$p->{database}", '', '', { RaiseError => 1, PrintError => 0 });

sub bad { $t->history($_[0], 'GET', '/r', 0 => [ 10, 90 ]) }
sub well { $p->sql("DELETE FROM metrics.minutes USING metrics.routes
    WHERE id = route_id AND service = ?", $_[0]) }
sub number { scalar $p->sql(@_) }

# a second look for one interval fails, with an alert in the log and so here
$p->sql('CREATE TABLE public.looks (rule uuid, at timestamptz,
    PRIMARY KEY (rule, at))');
$p->sql('CREATE FUNCTION public.looked() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO public.looks VALUES (new.id, new.evaluated_at); RETURN NULL; END $$');
$p->sql('CREATE TRIGGER looked AFTER UPDATE OF evaluated_at ON metrics.rules
    FOR EACH ROW EXECUTE FUNCTION public.looked()');


# Once an interval

my @rules = map { $t->rule(%slow, service => "s$_", interval_s => 2) } 1 .. 20;
my $rule = $t->rule(%slow, service => 's1');

bad("s$_") for 1 .. 20;
ok $p->wait_for(sub { number('SELECT coalesce(min(n), 0) FROM (SELECT count(*) AS n FROM looks
    WHERE rule <> ? GROUP BY rule) AS x', $rule->{id}) >= 4 }, 20), 'all are looked at';
is number('SELECT count(*) FROM looks WHERE rule <> ?
    AND extract(epoch FROM at)::bigint % 2 <> 0', $rule->{id}), 0,
    'for the beginning of an interval, and for none twice';
ok $t->alert($_, 'firing'), "$_->{name} fires" for @rules[0, 19];
ok $p->wait_for(sub { number("SELECT count(*) FROM pando.outbox WHERE type = 'alert.fired'")
    == 21 }), 'one notice each';

# rules come and go under those who look
for (1 .. 10) {
    my $short = $t->rule(%slow, service => 's1');
    $t->patch("/alert-rules/$short->{id}", { interval_s => 1 + $_ % 2 });
    $t->delete("/alert-rules/$short->{id}");
    my @told = $t->told($short);
    ok "@told" eq '' || "@told" eq 'alert.fired alert.resolved',
        'a rule that went takes its alert with it' or diag "@told";
}


# Whoever dies between looking and telling has done nothing

$other->begin_work;
$other->do('LOCK TABLE metrics.alert_changes IN EXCLUSIVE MODE');
my $held = $t->rule(%slow, service => 's2');
ok $p->wait_for(sub { number("SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
      AND query LIKE '%metrics.evaluated%'") }), 'a node is about to tell';
$_->{p}->kill_worker for @nodes;
is_deeply [ $t->told($held) ], [], 'it has not';
$other->commit;
ok $t->alert($held, 'firing', 20), 'another one does it';
$t->looked($held, 3);
is_deeply [ $t->told($held) ], [ 'alert.fired' ], 'once';


# Deaths at any moment: what was told is what happened

my $seed = 20261121;
srand $seed;

for my $round (1 .. 8) {
    my $victim = $nodes[$round % 2]{p};

    $round % 2 ? well('s3') : bad('s3');
    select undef, undef, undef, rand 1.2;       # at any moment of a tick
    $victim->kill_worker('KILL', ($victim->worker_pids)[rand 2]);
    ok $t->alert($rules[2], $round % 2 ? 'resolved' : 'firing', 30), "round $round";
}

for ([ firing => 'alert.fired' ], [ resolved => 'alert.resolved' ]) {
    is number("SELECT count(*) FROM pando.outbox WHERE type = ? AND data ->> 'fingerprint' IN
            (SELECT fingerprint FROM metrics.alert_changes)", $_->[1]),
        number('SELECT count(*) FROM metrics.alert_changes WHERE state = ?', $_->[0]),
        "as many were told to be $_->[0] as were";
}


# Rules that nobody looks at

$other->begin_work;
$other->do('SELECT FROM metrics.rules WHERE id = ? FOR UPDATE', {}, $rules[5]{id});

sub neglected
{
    my ($state) = @_;
    my ($found) = grep { $_->{name} eq 'RuleNotEvaluated' && $_->{state} eq $state }
        @{ $t->get('/alerts?limit=200')->json->{data} };
    return $found;
}

ok $p->wait_for(sub { neglected('firing') }, 20), 'three intervals without a look are an alert';
is_deeply neglected('firing')->{labels}, { alertname => 'RuleNotEvaluated', group => 'default' };
is neglected('firing')->{rule_id}, undef;
is $t->alert($rules[5], 'firing')->{state}, 'firing', 'and resolve nothing';
$other->commit;
ok $p->wait_for(sub { neglected('resolved') }, 20), 'which is over with the next look';
is number("SELECT count(*) FROM pando.outbox WHERE type = ?
    AND data ->> 'name' = 'RuleNotEvaluated'", $_), 1, "$_ once" for qw(alert.fired alert.resolved);


# One node is enough

$nodes[1]{p}->stop;
my $looks = number('SELECT count(*) FROM looks WHERE rule = ?', $rule->{id});
ok $p->wait_for(sub { number('SELECT count(*) FROM looks WHERE rule = ?', $rule->{id})
    > $looks + 2 }), 'the other one goes on alone';

done_testing;
