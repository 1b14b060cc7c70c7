# What the tests of the scheduler share: schedules, a receiver of each test's
# own, and the hands of the clock: make_due() puts a schedule's next time where
# a test wants it, as if it had been so.
#
#   my $t = Clockwork->new(to => [$web]);
#   my $s = $t->schedule(action => $t->http($web));
#   $t->make_due($s, "now() - interval '3 h'");
#   $t->waits(sub { $t->fates($s) eq 'succeeded' }, 'it ran');

package Clockwork;

use strict;
use warnings;

use Pando;
use Pando::Elsewhere;
use Pando::Routes;
use Test::More;

our @ISA = 'Pando::Routes';
our $OTHER = { scope => 'scheduler:admin', tid => $Pando::Token::OTHER };


sub new
{
    my ($class, %set) = @_;
    my $ports = join ' ', 443, 8443, map { $_->port } @{ delete $set{to} // [] };
    my $http = delete $set{http} // '';

    return $class->SUPER::new('scheduler',
        http => "pando_set scheduler.plain_http on; pando_outbound_allow 127.0.0.1;
                 pando_set scheduler.retry_base_ms 20;
                 pando_outbound_ports $ports; pando_outbound_limits failures=100000;
                 $http", %set);
}

sub http { my ($t, $web, %more) = @_; return { type => 'http', %more,
    url => 'http://127.0.0.1:' . $web->port . '/' } }

sub cron { my ($t, $text) = @_; return { type => 'cron', expression => $text } }


# Due in years, unless it is made due.
sub schedule
{
    my ($t, %set) = @_;
    my @as = $set{token} ? (token => delete $set{token}) : ();
    my $r = $t->post('/schedules', { name => 'schedule ' . ++$t->{n},
        specs => [ $t->cron('0 0 1 1 *') ], action => { type => 'event' }, %set }, @as);

    die "no schedule: $r->{raw}\n" unless $r->{status} == 201;
    return $r->json;
}


sub make_due
{
    my ($t, $s, $at) = @_;

    $t->{p}->sql("update scheduler.schedules set next_at = date_trunc('second', $at)
        where id = ?", $s->{id});
    $t->{p}->sql("select scheduler.wake(clock_timestamp()),
        pg_notify('pando_jobs', 'more')");
}


# The states of its runs by time, with what is wrong: "skipped:missed succeeded"
sub fates
{
    my ($t, $s) = @_;
    return join ' ', map { $_->[0] . ($_->[1] ? ":$_->[1]" : '') } $t->{p}->sql(
        'select state, error from scheduler.runs where schedule_id = ? order by nominal_at',
        $s->{id});
}

sub counts
{
    my ($t, $s) = @_;
    return join ', ', map { "$_->[0] $_->[1]" } $t->{p}->sql("select count(*), concat_ws(':',
        state, error) from scheduler.runs where schedule_id = ? group by 2 order by 2", $s->{id});
}

sub came { my ($t, $web) = @_; return scalar(() = $web->requests) }

sub told
{
    my ($t, $type, $s) = @_;
    return $t->{p}->sql('select data from pando.outbox where type = ? and subject = ?
        order by seq', $type, $s->{id});
}

sub waits
{
    my ($t, $sub, $name, $seconds) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok $t->{p}->wait_for($sub, $seconds // 60), $name;
}

1;
