# What the tests of metrics share: a server that samples every second, a
# history to write by hand, rules and what became of their alerts.  See
# Pando::Routes for the rest.
#
#   my $t = Gauge->new;
#   $t->history('orders', 'GET', '/api/v1/orders', -600 => [ 10, 3, 0 ]);
#   my $rule = $t->rule(measure => 'p95', comparison => '>', threshold => 200);
#   my $alert = $t->alert($rule, 'firing');

package Gauge;

use strict;
use warnings;

use Pando;
use Pando::Routes;
use Test::More;

our @ISA = 'Pando::Routes';
our $OTHER = { scope => 'metrics:admin metrics:write metrics:read',
               tid => $Pando::Token::OTHER };
our $NOBODY = $Pando::Routes::NOBODY;


sub new
{
    my ($class, %set) = @_;
    my $http = delete $set{http} // '';
    my $t = $class->SUPER::new('metrics',
        http => "pando_set metrics.sample_seconds 1; $http", server => '', %set);

    $t->{token} = $t->{p}->token(scope => 'metrics:read metrics:write metrics:admin');
    return $t;
}


# The history, by hand: at so many seconds from now, so many requests that
# took just under 200 ms, between 200 and 500, and so many that failed.
sub history
{
    my ($t, $service, $method, $route, @rows) = @_;
    my $p = $t->{p};

    $p->sql('INSERT INTO metrics.routes (service, method, route)
        VALUES (?, ?, ?) ON CONFLICT DO NOTHING', $service, $method, $route);

    while (my ($at, $n) = splice @rows, 0, 2) {
        my ($fast, $slow, $failed) = @$n;
        my @counts = ((0) x 6, $fast, $slow // 0, (0) x 7, $failed // 0,
                      1000 * (150 * $fast + 300 * ($slow // 0)));

        $p->sql("INSERT INTO metrics.$_->[0] AS m (route_id, at, node, counts)
            SELECT id, date_trunc(?, now() + make_interval(secs => ?), 'UTC'),
                   'by hand', ?::bigint[]
              FROM metrics.routes
             WHERE service = ? AND method = ? AND route = ?
            ON CONFLICT ON CONSTRAINT $_->[0]_pkey DO UPDATE
               SET counts = metrics.plus(m.counts, excluded.counts)",
            $_->[1], $at, '{' . join(',', @counts) . '}', $service, $method,
            $route) for [ minutes => 'minute' ], [ hours => 'hour' ],
                [ days => 'day' ];
    }
}


# What the history holds of a route, all nodes together.
sub counted
{
    my ($t, $table, $where) = @_;

    return $t->{p}->sql("SELECT coalesce(sum(metrics.requests(counts)), 0)
        FROM metrics.$table JOIN metrics.routes ON id = route_id
        WHERE $where");
}


# Rules and their alerts

my $count = 0;

# A rule that is looked at every second.
sub rule
{
    my ($t, %set) = @_;
    my $r = $t->post('/alert-rules', { name => 'rule ' . ++$count, interval_s => 1, %set });

    die "no rule: $r->{raw}\n" unless $r->{status} == 201;
    return $r->json;
}


sub alerts
{
    my ($t, $rule) = @_;

    return @{ $t->get("/alerts?rule_id=$rule->{id}")->json->{data} };
}


# The rule's only alert once it is in that state, if it comes to be.
sub alert
{
    my ($t, $rule, $state, $seconds) = @_;

    return $t->{p}->wait_for(sub {
        my ($a) = $t->alerts($rule);
        $a && $a->{state} eq $state && $a;
    }, $seconds // 10);
}


# Waits until the rule was looked at so many times more.
sub looked
{
    my ($t, $rule, $times) = @_;
    my %seen;

    return $t->{p}->wait_for(sub {
        $seen{ $t->get("/alert-rules/$rule->{id}")->json->{evaluated_at} // '' } = 1;
        keys %seen > ($times // 1);
    }, 10 + 2 * ($times // 1));
}


# What was told of a rule's alerts, the first first.
sub told
{
    my ($t, $rule) = @_;

    return map { $_->[0] } $t->{p}->sql('SELECT type FROM pando.outbox
        WHERE subject = ? ORDER BY seq', $rule->{id});
}

1;
