"""The local web page, one process and a few warm workers.

serve, app, options                     the server, the application, its limits
access, bodylimit, errors               who is let in, how much they may send, what they are told
pages                                   the files of the page, in static/
playground, files, studies              the parts of the API
request_models, response_models         what they take and give
service, job_queue                      from a request to the queue of jobs
worker_pool, worker, pipe_framing       its processes and the pipes to them
jobs, study_jobs, answers               what they do, and what that ends in
study_page, animation_cache, plain_svg  a study's page; animations and pictures for it
"""
