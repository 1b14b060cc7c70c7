# Another tenant's taxonomy or category is not there, in whatever place its
# identifier is given; and nothing of it changes.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Trees;

my $t = Trees->new;
my $p = $t->{p};
my $token = $p->token(%$Trees::OTHER);

# Tenant A's, and tenant B's own.
my $theirs = $t->taxonomy(key => 'theirs');
my $root = $t->category($theirs, 'Root');
my $leaf = $t->category($theirs, 'Leaf', parent_id => $root->{id});
my $asked = $t->post("/categories/$leaf->{id}/attributes",
    { key => 'wifi', name => 'Wifi', kind => 'bool' })->json;
my $own = $t->taxonomy(key => 'own', token => $token);
my $one = $t->category($own, 'One', token => $token);
my $two = $t->category($own, 'Two', token => $token);

my $before = state();

# A body that would be right for the tenant's own, for each route that takes one.
my %body = (
    'PATCH /taxonomies/{id}' => { name => 'X' },
    'PATCH /categories/{id}' => { name => 'X' },
    'PUT /categories/{id}' => { name => 'X' },
    'POST /categories/{id}/move' => { parent_id => undef },
    'POST /categories/{id}/merge' => { into_id => $one->{id} },
    'POST /categories/{id}/attributes' => { key => 'a', name => 'A', kind => 'bool' },
    'PUT /categories/{id}/aliases' => { data => [] },
    'PUT /categories/{id}/mappings' => { data => [] },
    map({ ("POST /taxonomies/{id}/$_" => undef) } qw(draft publish discard)),
    'POST /taxonomies/{id}/import' => { format => 'json', rows => [] },
    'PATCH /category-attributes/{id}' => { position => 1 },
);


# In the path: every route that names something there.

for my $route (grep { /\{id\}/ } sort keys %{ $t->{routes} }) {
    my ($method, $path) = split / /, $route;
    my $id = { taxonomies => $theirs, 'category-attributes' => $asked }
        ->{ $path =~ m{^/([^/]+)} ? $1 : '' } // $leaf;

    $path =~ s/\{id\}/$id->{id}/;
    my $body = $body{$route};
    die "say what $route takes\n" if !exists $body{$route} && $method =~ /^P/;

    my $r = $p->request($method, "/api/v1$path", token => $token,
                        $body ? (body => $body) : ());
    is $r->{status}, 404, "$route: not there" or diag $r->{body};
    unlike $r->{body}, qr/Leaf|Root|theirs/, 'and not a word of it';
}


# In the query

for my $query ("taxonomy=$theirs->{id}", 'taxonomy=theirs',
    "taxonomy=own&root=$leaf->{id}", "root=$root->{id}",
    "taxonomy=$theirs->{id}&root=$root->{id}")
{
    for my $more ('', '&flat=true', '&with_counts=true', '&depth=1') {
        is asked("/categories?$query$more"), 404, "GET /categories?$query$more";
    }
}

is asked('/categories/by-slug/leaf'), 404, 'a slug of theirs';
is asked('/categories/by-slug/leaf?taxonomy=theirs'), 404;
is asked("/categories/by-slug/leaf?taxonomy=$theirs->{id}"), 404;
is_deeply [ map { $_->{key} } @{ $p->get('/api/v1/taxonomies', token => $token)
    ->json->{data} } ], [ 'own' ], 'a list has only their own';
is_deeply Trees::named($p->get('/api/v1/categories', token => $token)->json->{tree}),
    [ qw(One Two) ], 'so has the tree that nobody named';


# In the body

my @bodies = (
    [ POST => '/categories', 'taxonomy_unknown', taxonomy_id => $theirs->{id} ],
    [ POST => '/categories', 'taxonomy_unknown', taxonomy_id => $theirs->{id},
      parent_id => $root->{id} ],
    [ POST => '/categories', 'parent_unknown', parent_id => $root->{id} ],
    [ POST => '/categories', 'sibling_unknown', after_id => $root->{id} ],
    [ POST => "/categories/$one->{id}/move", 'parent_unknown', parent_id => $root->{id} ],
    [ POST => "/categories/$one->{id}/move", 'sibling_unknown', parent_id => undef,
      after_id => $root->{id} ],
    [ POST => "/categories/$one->{id}/merge", 'category_unknown', into_id => $leaf->{id} ],
    [ PATCH => "/categories/$one->{id}", 'category_unknown', status => 'deprecated',
      replaced_by => $leaf->{id} ],
    [ PUT => "/categories/$one->{id}", 'category_unknown', status => 'deprecated',
      replaced_by => $leaf->{id} ],
);

for (@bodies) {
    my ($method, $path, $code, %set) = @$_;
    my %all = $path eq '/categories' ? (taxonomy_id => $own->{id}, name => 'X')
        : $method eq 'PUT' ? (name => 'One') : ();
    my $r = $p->request($method, "/api/v1$path", token => $token, body => { %all, %set });

    is $r->json->{code}, $code, "$method $path with " . join ', ', sort keys %set;
}


# A token without a tenant is of none, whatever the host's is.

is $p->get("/api/v1/categories/$leaf->{id}", token => { tid => undef })->{status}, 403,
    'a token without a tenant';
is $p->get("/api/v1/categories/$leaf->{id}")->{status}, 200,
    'who has no token reads what the host is for';

is_deeply state(), $before, 'nothing of theirs has changed';
done_testing;


sub asked { return $p->get("/api/v1$_[0]", token => $token)->{status} }

sub state
{
    return [ $p->sql('SELECT to_jsonb(c) FROM categories.categories AS c WHERE tenant_id = ?
                      UNION ALL SELECT to_jsonb(t) FROM categories.taxonomies AS t
                      WHERE tenant_id = ?
                      UNION ALL SELECT to_jsonb(a) FROM categories.category_attributes AS a
                      WHERE tenant_id = ? ORDER BY 1', ($Pando::Token::TENANT) x 3) ];
}
