# What the tests of verification share: a server with sms and email, both of
# which capture, and codes as they came.
#
#   my $t = Codes->new(workers => 2);
#   my $v = $t->started(to => '+4915123456789');
#   my $code = $t->code($v);

package Codes;

use strict;
use warnings;

use Pando;
use Pando::Routes;
use Test::More;

our @ISA = 'Pando::Routes';
our $TO = '+4915123456789';
our $OTHER = { scope => '', tid => $Pando::Token::OTHER };

sub new
{
    my ($class, %set) = @_;
    my $own = delete $set{set} // {};
    my $http = delete $set{http} // '';

    $http .= "pando_set verification.$_ \"$own->{$_}\";" for sort keys %$own;
    return $class->SUPER::new('verification', domains => [qw(verification sms email)],
        http => $http, %set);
}

sub start
{
    my ($t, %set) = @_;
    my $token = exists $set{token} ? delete $set{token} : undef;
    return $t->{p}->post('/api/v1/verifications', { purpose => 'login', to => $TO, %set },
                         token => $token);
}

sub started
{
    my ($t, %set) = @_;
    my $r = $t->start(%set);
    die "not started: $r->{raw}\n" unless $r->{status} == 202;
    return $r->json;
}

sub check
{
    my ($t, $v, $code, %set) = @_;
    my $token = exists $set{token} ? delete $set{token} : undef;
    return $t->{p}->post("/api/v1/verifications/$v->{id}/check", { code => "$code", %set },
                         token => $token);
}

# Texts as they came to a number, in order.
sub texts
{
    my ($t, $to) = @_;
    $t->{p}->wait_for(sub { !($t->{p}->sql("select count(*) from sms.messages
        where state in ('queued', 'submitting', 'retry')"))[0][0] }, 60);
    return map { $_->[0] } $t->{p}->sql('select body from sms.outbox where to_e164 = ?
        order by message_id', $to // $TO);
}

sub code
{
    my ($t, $to) = @_;
    my ($code) = (($t->texts($to))[-1] // '') =~ /\b(\d{6,8})\b/;
    return $code // die "no code came\n";
}

sub wrong { my ($code) = @_; return sprintf '%0*d', length $code, ($code + 1) % 10 ** length $code }

# The next send is due now.
sub due
{
    my ($t) = @_;
    $t->{p}->sql('update verification.codes set next_send_at = clock_timestamp()');
}

1;
