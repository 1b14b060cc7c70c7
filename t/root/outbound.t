# Requests to others: what is sent, what comes back, and what goes wrong.

use Pando;
use Pando::Elsewhere;

my $answer = \&Pando::Elsewhere::answer;
my $path = '/api/v1/fetcher';

my $web = Pando::Elsewhere->web(sub {
    my ($s, $rq) = @_;
    my ($at) = $rq->{path} =~ m{^(/[^?]*)};

    if ($at eq '/echo') {
        my $text = join '', map { "$_=$rq->{headers}{$_}\n" }
            sort keys %{ $rq->{headers} };
        $s->print($answer->(200, "$rq->{method} $rq->{path}\n$text\n"
                            . $rq->{body}, 'X-One' => 'first'));
        return;
    }

    $s->print($answer->($1, "status $1")), return if $at =~ m{^/(\d{3})$};
    $s->print($answer->(404, 'nothing here'));
});

my $port = $web->port;
my $p = Pando->new(domains => ['fetcher'], workers => 1,
    http => "pando_tenant $Pando::Token::TENANT;
             pando_outbound_allow 127.0.0.1;
             pando_outbound_ports $port;");

sub fetch
{
    my ($url, %opt) = @_;
    $url = "http://127.0.0.1:$port$url" if $url =~ m{^/};
    my $r = $p->put("$path/fetch", { url => $url, %opt });
    return $r->json // { error => "status $r->{status}", why => $r->{body} };
}


# what is asked and answered

my $got = fetch('/echo?a=b&c=%20d');
is $got->{error}, 'ok', 'an answer comes' or diag explain $got;
is $got->{status}, 200;
like $got->{body}, qr{^GET /echo\?a=b&c=%20d\n}, 'to what was asked';
is $got->{ip}, '127.0.0.1';

done_testing;
