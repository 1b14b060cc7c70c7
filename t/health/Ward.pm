# What the tests of health share: components that fail and recover at once, as
# the runner would have found them, and the events that were told.  See
# Pando::Routes for the rest.
#
#   my $t = Ward->new;
#   my $db = $t->check('database', criticality => 'required');
#   $t->found($db, 'fail');
#   is_deeply [ $t->told('component.status_changed') ], [ ... ];

package Ward;

use strict;
use warnings;

use JSON::PP;
use Pando;
use Pando::Routes;
use Test::More;

our @ISA = 'Pando::Routes';
our $OTHER = { scope => 'health:admin', tid => $Pando::Token::OTHER };
our $NOBODY = $Pando::Routes::NOBODY;

my $count = 0;


sub new
{
    my ($class, %set) = @_;
    return $class->SUPER::new('health', redis => undef,
        server => "pando_tenant $Pando::Token::TENANT;
                   location = /openapi.json { pando_openapi; }", %set);
}


# It looks at nothing by itself for a day: what it finds is told by found().
sub check
{
    my ($t, $component, %set) = @_;
    my $r = $t->{p}->post('/api/v1/health-checks', { name => 'check ' . ++$count,
        component => $component, kind => 'postgres', interval_s => 86400,
        criticality => 'required', %set }, token => delete $set{token} // $t->{token});

    die "no check: $r->{raw}\n" unless $r->{status} == 201;
    return $r->json->{id};
}


# As the runner writes it, with a state that holds; flapping is its bit 6.
sub found
{
    my ($t, $check, $state, %set) = @_;
    my $ms = 1e6 * ($set{at} // time) + ++$count;

    $t->{p}->sql(q{select health.record(array[?::uuid], array[?::bigint], array[?],
        array[3::bigint], array['said'], array[?], array[?::bigint])}, $check, $ms,
        $set{outcome} // $state, $state, $set{flapping} ? 64 : 0);
}


sub depends
{
    my ($t, $from, $to, $strength, @opt) = @_;
    return $t->put("/service-health/$from/dependencies/$to", { strength => $strength // 'hard' },
                   @opt);
}


# Component => [ status, cause, root causes ]
sub states
{
    my ($t, @opt) = @_;
    my $r = $t->get('/service-health?limit=200', @opt)->json->{data};

    return { map { $_->{component} => [ @$_{qw(recorded cause)}, @{ $_->{root_causes} } ] } @$r };
}


# The data of the events of a type since the last time, in their order.
sub told
{
    my ($t, $type) = @_;
    my @rows = $t->{p}->sql('select seq, data from pando.outbox where type = ? and seq > ?'
        . ' order by seq', $type, $t->{told}{$type} // 0);

    $t->{told}{$type} = $rows[-1][0] if @rows;
    return map { decode_json($_->[1]) } @rows;
}


# Each event that was written has what the document says that it has.
sub events_sound
{
    my ($t) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $doc = $t->{p}->get('/openapi.json')->json;
    my %wrong;

    for my $row ($t->{p}->sql('select type, schema, data from pando.outbox')) {
        my ($type, $version, $data) = ($row->[0], $row->[1], decode_json($row->[2]));
        my $event = $doc->{'x-events'}{$type};
        my ($name) = ($event->{data}{'$ref'} // '') =~ m{(\w+)$};
        my $shape = $doc->{components}{schemas}{$name // ''} // {};

        $wrong{"$type is unknown"}++ if !$name || $event->{version} != $version;
        $wrong{"$type has no $_"}++
            for grep { !exists $data->{$_} } @{ $shape->{required} // [] };
        $wrong{"$type has $_"}++ for grep { !$shape->{properties}{$_} } keys %$data;
    }

    is join(', ', sort keys %wrong), '', 'events are as the document says';
}


# A sweep lets another one be: the lock is waited for, as the node has its own.
sub sweep
{
    my ($t, $open, $resolve) = @_;
    $t->{p}->sql(q{with lock as materialized (
        select pg_advisory_xact_lock(hashtext('health'), hashtext('sweep')))
        select health.sweep(?, ?) from lock}, $open // 120, $resolve // 900);
}


# So long ago everything was that is now.
sub age
{
    my ($t, $seconds) = @_;
    my $ago = sprintf "interval '%d s'", $seconds;

    $t->{p}->sql("update health.components set since = since - $ago,
        quiet_until = quiet_until - $ago");
    $t->{p}->sql("update health.component_changes set at = at - $ago");
    $t->{p}->sql("update health.incidents set updated_at = updated_at - $ago,
        started_at = started_at - $ago, resolved_at = resolved_at - $ago");
    $t->{p}->sql("update health.recovery_runs set started_at = started_at - $ago,
        acted_at = acted_at - $ago");
}

1;
